/** A handler, one loop over two names, and streams: `bun examples/guide/handlers-and-streams/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { Channel, listen, merge } from "libipc";
import { json, text } from "libipc/codecs";
import { nodeWritable, readableStream } from "libipc/streams";

const [role = "shop", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const orders = { prefix, codec: json<{ id: number }>() };
const lines = { prefix, codec: text(), capacity: 4096 };

async function customer(): Promise<void> {
	using order = Channel.sender("orders", orders);
	using complaint = Channel.sender("complaints", lines);
	using log = Channel.sender("log", lines);
	await pipeline(Readable.from([{ id: 1 }, { id: 2 }, { id: 3 }]), nodeWritable(order));
	for (const id of [4, 5]) {
		await order.sendAsync({ id });
		await complaint.sendAsync(`about ${id - 3}`);
	}
	// The ring has space for about 200 lines: this stream waits for the one that reads.
	const all = Array.from({ length: 1000 }, (_, i) => `line ${i + 1}`);
	await pipeline(Readable.from(all), nodeWritable(log));
}

async function shop(): Promise<void> {
	using order = Channel.receiver("orders", orders);
	using complaint = Channel.receiver("complaints", lines);
	using log = Channel.receiver("log", lines);
	const program = [...process.execArgv, import.meta.filename, "customer", prefix];
	const ended = once(spawn(process.execPath, program, { stdio: "inherit" }), "exit");

	// The next order is taken when the promise of the handler has resolved.
	const listening = listen(order, async ({ id }) => {
		await pause(1);
		console.log(`order ${id}`);
		if (id === 3) listening.stop();
	});
	await listening.ended;

	// The type of the message follows from the index of its source.
	const got: string[] = [];
	for await (const { index, message } of merge(order, complaint)) {
		got.push(index === 0 ? `order ${message.id}` : `complaint ${message}`);
		if (got.length === 4) break;
	}
	console.log(got.sort().join(", "));

	const upperCase = new TransformStream<string, string>({
		transform: (line, controller) => controller.enqueue(line.toUpperCase()),
	});
	let count = 0;
	for await (const line of readableStream(log).pipeThrough(upperCase)) {
		count++;
		if (line === "LINE 1000") break; // cancels the streams
	}
	console.log(`${count} lines`);
	await ended;
}

if (role === "customer") await customer();
else await shop();
