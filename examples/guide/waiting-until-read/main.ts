/** A program ends when its orders have been read, and says by how many: `bun examples/guide/waiting-until-read/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { defineChannel } from "libipc";
import { json } from "libipc/codecs";

const [role = "shop", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const ORDERS = 100;
const orders = defineChannel("orders", { prefix, codec: json<{ id: number }>() });

async function kitchen(): Promise<void> {
	using receiver = orders.receiver();
	let read = 0;
	for await (const { id } of receiver) if (++read === ORDERS) return console.log(`the kitchen has read order ${id}`);
}

/** It is open, and does not read. */
async function stuck(): Promise<void> {
	using receiver = orders.receiver();
	await new Promise(() => setInterval(() => receiver.name, 1000));
}

function start(role: string) {
	const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, role, prefix], {
		stdio: "inherit",
	});
	return { child, ended: once(child, "exit") };
}

async function shop(): Promise<void> {
	const kitchen = start("kitchen");
	const other = start("stuck");
	// No endpoint is open yet: nothing is sent before a receiver can read it.
	console.log(`two receivers are open: ${await orders.receiversReady(2, { timeout: 20_000 })}`);

	using sender = orders.sender();
	for (let id = 1; id <= ORDERS; id++) sender.send({ id });
	const flushed = sender.flush({ timeout: 20_000 });
	await kitchen.ended;
	const { done, unread } = await sender.flush({ timeout: 0 });
	console.log(`all that are open have read: ${done}, missing: ${unread}`);

	other.child.kill("SIGKILL");
	const { read, left } = await flushed;
	console.log(`read by ${read}, and ${left} has left without`);
}

if (role === "shop") await shop();
else if (role === "kitchen") await kitchen();
else await stuck();
