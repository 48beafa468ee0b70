import { orders } from "../orders.ts";

const children = Array.from({ length: Number(process.argv[2]) }, () =>
	Bun.spawn([process.execPath, `${import.meta.dir}/receive.ts`], {
		stdio: ["ignore", "inherit", "inherit"],
		serialization: "json",
		ipc() {},
	}),
);
for (const order of orders) for (const child of children) child.send(order);
await Promise.all(children.map(({ exited }) => exited));
