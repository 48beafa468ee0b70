/** Prints how many bytes of garbage a message makes in Node, for some ways to send and receive, and what a view has: JSON. */
import { Channel, Queue, type Receiver, Route, type Sender } from "../index.ts";

const MESSAGES = 2000;
const ROUNDS = 40;
const message = new Uint8Array(129);
const target = new Uint8Array(256);
const bytes = new Uint8Array(new SharedArrayBuffer(4096));
let kept: Uint8Array | undefined;
const keep = (view: Uint8Array): void => {
	kept = view;
};

function oneByOne(sender: Sender, receiver: Receiver): void {
	for (let i = 0; i < MESSAGES; i++) {
		sender.send(message);
		receiver.recvInto(target);
	}
}

function drained(sender: Sender, receiver: Receiver): void {
	for (let i = 0; i < MESSAGES; i++) sender.send(message);
	for (let got = 0; got < MESSAGES; ) got += receiver.drain(keep);
}

function inBatches(sender: Sender, receiver: Receiver): void {
	for (let i = 0; i < MESSAGES; i++) sender.send(message);
	for (let got = 0; got < MESSAGES; ) got += receiver.drainBatch(() => {});
}

const ends = {
	route: [Route.sender("allocations"), Route.receiver("allocations")],
	channel: [Channel.sender("allocations"), Channel.receiver("allocations")],
	queue: [Queue.sender("allocations"), Queue.receiver("allocations")],
	overwritten: [
		Channel.sender("overwritten", { overflow: "drop-oldest" }),
		Channel.receiver("overwritten", { overflow: "drop-oldest" }),
	],
} as const;

const ways: Record<string, () => void> = {
	view: () => {
		for (let i = 0; i < MESSAGES; i++) keep(new Uint8Array(bytes.buffer, i & 1023, 129));
	},
	"route, one by one": () => oneByOne(...ends.route),
	"route, drained": () => drained(...ends.route),
	"route, in batches": () => inBatches(...ends.route),
	"channel, one by one": () => oneByOne(...ends.channel),
	"channel, drained": () => drained(...ends.channel),
	"queue, one by one": () => oneByOne(...ends.queue),
	"overwritten, one by one": () => oneByOne(...ends.overwritten),
};

const found: Record<string, number[]> = {};
for (let round = 0; round < ROUNDS; round++)
	for (const [name, way] of Object.entries(ways)) {
		const before = process.memoryUsage().heapUsed;
		way();
		found[name] ??= [];
		found[name].push((process.memoryUsage().heapUsed - before) / MESSAGES);
	}
// The median of the second half: by then it is compiled, and a collection in between spoils a round only.
const median = (values: number[]): number =>
	values.slice(ROUNDS / 2).sort((a, b) => a - b)[Math.floor(ROUNDS / 4)] as number;
console.log(JSON.stringify(Object.fromEntries(Object.entries(found).map(([name, each]) => [name, median(each)]))));
if (kept === undefined) throw new Error("nothing was received");
process.exit(0);
