/** The sending side of bench:bulk: one run for each line of its input, `mode bytes count`. */
import { monotonicNs, Route } from "@libipc/core";
import { BATCH, stampMessage } from "./message.ts";

const [name = "", capacity = "0"] = process.argv.slice(2);
using sender = Route.sender(name, { capacity: Number(capacity) });
const asleep = new Int32Array(new SharedArrayBuffer(4));

for await (const line of console) {
	const [mode, bytes = "0", count = "0"] = line.split(" ");
	const length = Number(bytes);
	const left = Number(count);
	if (mode === "batch") {
		const messages = Array.from({ length: BATCH }, () => new Uint8Array(length));
		for (let i = 0; i < left; i += BATCH) {
			for (const [k, message] of messages.entries()) stampMessage(message, i + k);
			sender.sendBatch(messages);
		}
	} else if (mode === "send") {
		const message = new Uint8Array(length).fill(7);
		for (let i = 0; i < left; i++) {
			stampMessage(message, i);
			sender.send(message);
		}
	} else {
		const stamp = new Float64Array(1);
		const stampBytes = new Uint8Array(stamp.buffer);
		for (let i = 0; i < left; i++) {
			// Only the first bytes are written: what is measured is the way, not the writing.
			using loan = sender.loan(length);
			if (!loan) throw new Error("nobody receives");
			stamp[0] = monotonicNs();
			loan.bytes.set(stampBytes);
			loan.send();
			// The receiver is to be waiting for each of them.
			Atomics.wait(asleep, 0, 0, 0.2);
		}
	}
}
