/** The sending side of bench:bulk: sends as many messages as each order says. */
import { monotonicNs, Route } from "libipc";
import { serve } from "../launcher/started.ts";
import { BATCH, type BulkOrder, stampMessage } from "./message.ts";

const [name = "", capacity = "0"] = process.argv.slice(2);
const sender = Route.sender(name, { capacity: Number(capacity) });
const asleep = new Int32Array(new SharedArrayBuffer(4));

function sendBatches(bytes: number, count: number): void {
	const messages = Array.from({ length: BATCH }, () => new Uint8Array(bytes));
	for (let i = 0; i < count; i += BATCH) {
		for (const [k, message] of messages.entries()) stampMessage(message, i + k);
		sender.sendBatch(messages);
	}
}

function sendOneByOne(bytes: number, count: number): void {
	const message = new Uint8Array(bytes).fill(7);
	for (let i = 0; i < count; i++) {
		stampMessage(message, i);
		sender.send(message);
	}
}

function sendLoans(bytes: number, count: number): void {
	const stamp = new Float64Array(1);
	const stampBytes = new Uint8Array(stamp.buffer);
	for (let i = 0; i < count; i++) {
		// Only the first bytes are written: the way is measured, not the writing.
		using loan = sender.loan(bytes);
		if (!loan) throw new Error("there is no receiver");
		stamp[0] = monotonicNs();
		loan.bytes.set(stampBytes);
		loan.send();
		// The receiver waits when the next message comes.
		Atomics.wait(asleep, 0, 0, 0.2);
	}
}

const modes = { batch: sendBatches, send: sendOneByOne, loan: sendLoans } as const;

serve<BulkOrder, "done">(({ mode, bytes, count }) => {
	modes[mode](bytes, count);
	return "done";
});
