/**
 * Receives and checks pattern messages: `receiver.child.ts KIND PREFIX NAME COUNT LARGEST WAY CAPACITY`. Ends after COUNT of
 * them, of a queue when an empty one has come.
 */
import { createHash } from "node:crypto";
import { Queue } from "libipc";
import { readPattern } from "../../../core/src/testing/pattern.ts";
import { factories, type Kind, PATIENCE_MS } from "./ends.ts";

const [kind, prefix = "", name = "", count, largest, way, capacity] = process.argv.slice(2);
const options = { prefix, capacity: Number(capacity) };
const queue = kind === "queue" ? Queue.receiver(name, options) : undefined;
const endpoint = queue ?? factories[kind as Kind].receiver(name, options);
console.log("ready");

/** What came, in its order: equal at two receivers only if they saw the same messages in the same order. */
const order = createHash("sha256");
const entry = new Uint32Array(2);
const next: number[] = [];
/** Of a queue: what came here, by sender. */
const sequences: number[][] = [];
let received = 0;
let isOver = false;

function accept(bytes: Uint8Array): void {
	if (bytes.byteLength === 0) {
		isOver = true;
		return;
	}
	const { sender, sequence } = readPattern(bytes, Number(largest));
	const due = next[sender] ?? 0;
	if (queue ? sequence < due : sequence !== due)
		throw new Error(`sender ${sender}: message ${sequence} came where ${due} was due`);
	next[sender] = sequence + 1;
	entry[0] = sender;
	entry[1] = sequence;
	order.update(entry);
	sequences[sender] ??= [];
	if (queue) sequences[sender].push(sequence);
	received++;
}

const patience = { timeout: PATIENCE_MS };
const target = new Uint8Array(Number(largest));
const ways: Record<string, () => boolean | Promise<boolean>> = {
	recv() {
		const length = endpoint.recvInto(target, patience);
		if (length >= 0) accept(target.subarray(0, length));
		return length >= 0;
	},
	drain: () => endpoint.drain(accept, patience) > 0,
	async async() {
		const bytes = await endpoint.recvAsync(patience);
		if (bytes) accept(bytes);
		return bytes !== null;
	},
	async lease() {
		const lease = await queue?.takeAsync(patience);
		if (!lease) return false;
		accept(lease.bytes);
		lease.done();
		return true;
	},
};
while (!isOver && (queue || received < Number(count)) && (await ways[way ?? ""]?.()));
console.log(JSON.stringify({ received, next, order: order.digest("hex"), sequences }));
endpoint.close();
