/**
 * Receives and checks pattern messages: `receiver KIND PREFIX NAME COUNT LARGEST [WAY [CAPACITY]]`. Ends after COUNT messages,
 * or when none has come for 5 s; of a queue, when an empty message comes.
 */
import { createHash } from "node:crypto";
import { readPattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { Channel, Queue, Route } from "../under_test.ts";

const [kind, prefix = "", name = "", count, largestText, way = "recv", capacity] = args;
const largest = Number(largestText);
const options = { prefix, ...(capacity === undefined ? {} : { capacity: Number(capacity) }) };
const queue = kind === "queue" ? Queue.receiver(name, options) : undefined;
using endpoint = queue ?? (kind === "route" ? Route : Channel).receiver(name, options);
say("ready");

/** What came, in its order: equal at two receivers only if they saw the same messages in the same order. */
const order = createHash("sha256");
const entry = new Uint32Array(2);
const next: number[] = [];
/** Of a queue: the messages of each sender that came here. */
const sequences: number[][] = [];
let received = 0;
let isOver = false;

function accept(bytes: Uint8Array): void {
	if (queue && bytes.byteLength === 0) {
		isOver = true;
		return;
	}
	const { sender, sequence } = readPattern(bytes, largest);
	const due = next[sender] ?? 0;
	if (queue ? sequence < due : sequence !== due)
		throw new Error(`sender ${sender}: message ${sequence} came where ${due} was due`);
	next[sender] = sequence + 1;
	entry[0] = sender;
	entry[1] = sequence;
	order.update(entry);
	if (queue) {
		sequences[sender] ??= [];
		sequences[sender].push(sequence);
	}
	received++;
}

const patience = { timeout: 20_000 };
const target = new Uint8Array(largest);

/** Each receives something, and returns whether something came in time. */
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

const receive = ways[way];
if (!receive) throw new Error(`there is no way "${way}" to receive`);
while (!isOver && (queue || received < Number(count))) {
	const result = receive();
	if (!(typeof result === "boolean" ? result : await result)) break;
}
say(JSON.stringify({ received, next, order: order.digest("hex"), sequences }));
