/** A service under `bun --hot` is saved while it works: `bun examples/guide/reloading/main.ts`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Route } from "libipc";

const prefix = `guide-${process.pid}`;

/** The module of the service. It is evaluated again after each save, and `globalThis` stays. */
const service = (version: number) => `
	import { Route } from ${JSON.stringify(import.meta.resolve("libipc"))};

	function open() {
		const ends = { orders: Route.receiver("orders"), receipts: Route.sender("receipts"), handle() {} };
		(async () => {
			// The loop outlives an evaluation. It calls the function of the last one.
			for await (const order of ends.orders) ends.handle(order);
		})();
		return ends;
	}

	// The first evaluation opens the endpoints. Each later one finds them open.
	globalThis.shop ??= open();
	const { receipts } = globalThis.shop;
	globalThis.shop.handle = (order) => {
		receipts.send(\`version ${version}: \${new TextDecoder().decode(order)}\`);
	};
`;

async function main(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "libipc-reloading-"));
	const file = join(folder, "service.ts");
	writeFileSync(file, service(1));
	using orders = Route.sender("orders", { prefix });
	using receipts = Route.receiver("receipts", { prefix });
	const running = Bun.spawn([process.execPath, "--hot", file], {
		env: { ...process.env, LIBIPC_PREFIX: prefix },
		stdout: "ignore",
	});
	await orders.receiversReady(1);

	const text = new TextDecoder();
	const received: string[] = [];
	let isReloaded = false;
	for (let order = 1; !isReloaded || order <= 200; order++) {
		await orders.sendAsync(String(order));
		if (order === 100) writeFileSync(file, service(2));
		const receipt = await receipts.recvAsync({ timeout: 10_000 });
		if (!receipt) throw new Error(`order ${order} has no receipt`);
		received.push(text.decode(receipt));
		isReloaded ||= received.at(-1)?.startsWith("version 2: ") ?? false;
	}
	running.kill("SIGTERM");
	await running.exited;
	rmSync(folder, { recursive: true });

	const numbers = received.map((receipt) => Number(receipt.replace(/^version \d: /, "")));
	console.log(`each order has one receipt, in order: ${numbers.every((number, i) => number === i + 1)}`);
	console.log(`the first receipt: ${received[0]}`);
	console.log(`the last receipt is of ${received.at(-1)?.slice(0, 9)}`);
	console.log(`a second receipt of an order: ${receipts.tryRecv() !== null}`);
}

await main();
