/** One endpoint in its own thread: sends "ready", continues when it gets a message, and sends its result. */
import { parentPort, workerData } from "node:worker_threads";
import { Channel, Queue, type QueueReceiver, type Receiver, Route, type Sender } from "../index.ts";

export interface RingTask {
	readonly kind: "route" | "channel" | "queue";
	readonly role: "sender" | "receiver";
	readonly name: string;
	/** Of a sender: its number, and how many messages it sends. */
	readonly number: number;
	readonly count: number;
	/** Of a receiver: how many come from all senders together; and the first byte of the message that ends a queue's. */
	readonly all: number;
	readonly end: number;
}

/** What a receiver has got: who sent each message, in order (of a queue, and which it was); and what was wrong. */
export interface RingResult {
	readonly order: Uint8Array;
	readonly lost: number;
	readonly wrong: string;
}

const LARGEST = 5000;
const task = workerData as RingTask;
const { kind, name, number, count, all, end } = task;
const wait = { timeout: 20_000 } as const;

/** Of which length message `sequence` is: most of them small, some larger than a record may be in the rings of the test. */
const lengthOf = (sequence: number): number => 5 + ((sequence * 7919) % (sequence % 61 === 0 ? LARGEST - 5 : 200));
const fillOf = (sender: number, sequence: number): number => (sender * 31 + sequence * 7) & 0xff;

function write(into: Uint8Array, sequence: number): Uint8Array {
	const length = Math.min(lengthOf(sequence), into.length);
	into.fill(fillOf(number, sequence), 0, length);
	into[0] = number;
	for (let i = 0; i < 4; i++) into[1 + i] = sequence >> (8 * i);
	return into.subarray(0, length);
}

/** What is wrong with a message; "": it is message `sequence` of its sender, to the last byte. */
function check(bytes: Uint8Array, most: number): { sender: number; sequence: number; wrong: string } {
	const [sender = 0, a = 0, b = 0, c = 0, d = 0] = bytes;
	const sequence = a | (b << 8) | (c << 16) | (d << 24);
	const length = Math.min(lengthOf(sequence), most);
	let wrong =
		bytes.length === length ? "" : `message ${sequence} of ${sender} has ${bytes.length} bytes, not ${length}`;
	for (let i = 5; i < bytes.length && !wrong; i++)
		if (bytes[i] !== fillOf(sender, sequence)) wrong = `message ${sequence} of ${sender} is wrong at byte ${i}`;
	return { sender, sequence, wrong };
}

function send(sender: Sender): void {
	const most = Math.min(LARGEST, sender.maxMessageLength);
	const buffer = new Uint8Array(most);
	for (let i = 0; i < count; ) {
		if (i % 32 === 9 && i + 8 <= count) {
			const batch = Array.from({ length: 8 }, (_, k) => write(new Uint8Array(most), i + k));
			if (sender.sendBatch(batch, wait) !== 8) throw new Error("a batch was not sent");
			i += 8;
			continue;
		}
		const message = write(buffer, i);
		const loan = i % 7 === 0 && message.length < 1000 ? sender.loan(message.length + 10, wait) : null;
		loan?.bytes.set(message);
		if (!(loan ? loan.send(message.length) : sender.send(message, wait))) throw new Error(`message ${i} was not sent`);
		i++;
	}
}

/** Of a route or a channel: everything, in each sender's order; what was lost of a ring that is overwritten is counted. */
function receive(receiver: Receiver): RingResult {
	const order = new Uint8Array(all);
	const next = new Map<number, number>();
	let wrong = "";
	let got = 0;
	const take = (bytes: Uint8Array): void => {
		const found = check(bytes, LARGEST);
		const expected = next.get(found.sender) ?? 0;
		wrong ||= found.wrong;
		if (found.sequence < expected || (found.sequence > expected && receiver.lost === 0))
			wrong ||= `message ${found.sequence} of ${found.sender} came, not ${expected}`;
		next.set(found.sender, found.sequence + 1);
		order[got++] = found.sender;
	};
	const target = new Uint8Array(LARGEST);
	while (got + receiver.lost < all && !wrong) {
		const before = got;
		if (got % 3 === 0) {
			const length = receiver.recvInto(target, wait);
			if (length >= 0) take(target.subarray(0, length));
		} else if (got % 3 === 1) receiver.drain(take, { ...wait, max: 7 });
		else {
			const message = receiver.recv(wait);
			if (message) take(message);
		}
		if (got === before) wrong = `only ${got} of ${all} came, and ${receiver.lost} were lost`;
	}
	return { order: order.slice(0, got), lost: receiver.lost, wrong };
}

/** Of a queue: what it gets until the end. Now and then a job is put back the first time. */
function work(receiver: QueueReceiver): RingResult {
	const got: number[] = [];
	let wrong = "";
	for (let turn = 0; !wrong; turn++) {
		const lease = receiver.take(wait);
		if (!lease) {
			wrong = "nothing came";
		} else if (lease.bytes[0] === end) {
			lease.retry(); // for the next one
			break;
		} else if (lease.attempt === 1 && turn % 5 === 0) {
			lease.retry();
		} else {
			const found = check(lease.bytes, LARGEST);
			wrong = found.wrong;
			got.push(found.sender, found.sequence & 0xff, found.sequence >> 8);
			lease.done();
		}
	}
	return { order: Uint8Array.from(got), lost: receiver.lost, wrong };
}

const factory = { route: Route, channel: Channel, queue: Queue }[kind];
const endpoint = task.role === "sender" ? factory.sender(name) : factory.receiver(name);
parentPort?.once("message", () => {
	let result: RingResult | "sent" = "sent";
	if ("send" in endpoint) send(endpoint);
	else result = kind === "queue" ? work(endpoint as QueueReceiver) : receive(endpoint);
	endpoint.close();
	parentPort?.postMessage(result);
});
parentPort?.postMessage("ready");
