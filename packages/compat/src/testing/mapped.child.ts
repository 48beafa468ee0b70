/**
 * One end of a name in a separate process, on one of the two engines: `mapped.child.ts ENGINE PROGRAM PREFIX NAME [SENDER COUNT]`.
 */
import { createApi } from "@libipc/core/api";
import { readPattern, writePattern } from "@libipc/testing/pattern";
import { text } from "@libipc/testing/text";
import { nativeEngine } from "../../../core/src/bun/engine.ts";
import { mappedEngine } from "./mapped_engine.ts";

const [engine, program = "", prefix = "", name = "", senderText = "0", countText = "0"] = process.argv.slice(2);
const engineOf = () => (engine === "native" ? nativeEngine : mappedEngine);
const { Channel, Queue } = createApi(engineOf);
const number = Number(senderText);
const count = Number(countText);
const LARGEST = 6000;

const programs: Record<string, () => void> = {
	/** Sends messages of the pattern: one by one, as loans and in batches; some in fragments. */
	send() {
		using sender = Channel.sender(name, { prefix });
		console.log("ready");
		const buffer = new Uint8Array(LARGEST);
		for (let i = 0; i < count; ) {
			const message = writePattern(buffer, number, i, LARGEST);
			if (i % 16 === 3 && i + 8 <= count) {
				const batch = Array.from({ length: 8 }, (_, k) =>
					writePattern(new Uint8Array(LARGEST), number, i + k, LARGEST),
				);
				if (sender.sendBatch(batch) !== 8) throw new Error("a batch was not sent");
				i += 8;
				continue;
			}
			if (i % 5 === 0 && message.length < 1000) {
				using loan = sender.loan(message.length + 100);
				loan?.bytes.set(message);
				if (!loan?.send(message.length)) throw new Error("a loan was not sent");
			} else if (!sender.send(message)) throw new Error("a message was not sent");
			i++;
		}
	},

	/** Receives as many messages, and prints whose they were, in order. */
	receive() {
		using receiver = Channel.receiver(name, { prefix });
		console.log("ready");
		const order = new Uint8Array(count);
		const next = new Map<number, number>();
		const check = (bytes: Uint8Array, at: number): void => {
			const { sender, sequence } = readPattern(bytes, LARGEST);
			const expected = next.get(sender) ?? 0;
			if (sequence !== expected) throw new Error(`message ${sequence} of sender ${sender} came, not ${expected}`);
			next.set(sender, expected + 1);
			order[at] = sender;
		};
		const target = new Uint8Array(LARGEST);
		for (let at = 0; at < count; ) {
			if (at % 3 === 0) receiver.drain((view) => check(view, at++), { max: Math.min(16, count - at) });
			else check(target.subarray(0, receiver.recvInto(target)), at++);
		}
		console.log(String(Bun.hash(order)));
	},

	/** Keeps a loan open until it is killed. */
	lend() {
		const sender = Channel.sender(name, { prefix });
		sender.send("before");
		const loan = sender.loan(1000);
		console.log("lent");
		setInterval(() => loan?.bytes.fill(1), 60_000);
	},

	/** Sends the first part of a large message, and waits for room for the rest until it is killed. */
	sendPart() {
		const sender = Channel.sender(name, { prefix });
		void sender.sendAsync(new Uint8Array(100_000));
		console.log("begun");
	},

	/** Keeps a lease until it is killed. */
	take() {
		const receiver = Queue.receiver(name, { prefix });
		const lease = receiver.take();
		console.log(lease && text(lease.bytes));
		setInterval(() => lease?.attempt, 60_000);
	},

	/** Sends without end. */
	flood() {
		const sender = Channel.sender(name, { prefix });
		console.log("ready");
		const buffer = new Uint8Array(LARGEST);
		for (let i = 0; ; i++) sender.send(writePattern(buffer, number, i, 64));
	},
};

programs[program]?.();
