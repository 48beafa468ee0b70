import { monotonicNs } from "libipc";
import { percentile } from "../statistics/statistics.ts";
import type { BulkPair } from "./bulk_pair.ts";
import { BATCH, checkStamp } from "./message.ts";

/** Longer than the sender prepares: a message that has not come by then is lost, or the sender has ended. */
const LOSS_TIMEOUT = 5_000;

function checkArrival(received: number): void {
	if (received <= 0) throw new Error(`no message came within ${LOSS_TIMEOUT / 1000} s`);
}

/** Nanoseconds for each of `count` messages that travel in batches. */
export function measureBatches(pair: BulkPair, bytes: number, count: number): Promise<number> {
	let number = 0;
	const take = (most: number): void => {
		const received = pair.receiver.drainBatch(
			(batch) => {
				for (let i = 0; i < batch.count; i++) {
					const at = batch.offsets[i] as number;
					const length = batch.lengths[i] as number;
					if (length !== bytes) throw new Error(`message ${number} has ${length} bytes`);
					checkStamp(batch.bytes, at, at + length, number++);
				}
			},
			{ max: most, timeout: LOSS_TIMEOUT },
		);
		checkArrival(received);
	};
	return pair.run({ mode: "batch", bytes, count: count + BATCH }, () => {
		// Until the first batch is here the sender prepares.
		while (number < BATCH) take(BATCH - number);
		const started = monotonicNs();
		while (number < count + BATCH) take(1024);
		return (monotonicNs() - started) / count;
	});
}

/** Bytes per nanosecond of large messages: `recvInto` copies them out, `drain` gives a view of them. */
export function measureLarge(pair: BulkPair, how: "recvInto" | "drain", bytes: number, count: number): Promise<number> {
	const target = new Uint8Array(bytes);
	let number = 0;
	const take = (): void => {
		if (how === "recvInto") {
			checkArrival(pair.receiver.recvInto(target, { timeout: LOSS_TIMEOUT }));
			checkStamp(target, 0, bytes, number++);
		} else {
			const options = { max: count + 1 - number, timeout: LOSS_TIMEOUT };
			checkArrival(pair.receiver.drain((view) => checkStamp(view, 0, bytes, number++), options));
		}
	};
	return pair.run({ mode: "send", bytes, count: count + 1 }, () => {
		take();
		const first = number;
		const started = monotonicNs();
		while (number < count + 1) take();
		return (bytes * (count + 1 - first)) / (monotonicNs() - started);
	});
}

/** Bytes per nanosecond of copying as many messages in one process, out of `sources` different ones. */
export function measureMemcpy(bytes: number, sources: number, count: number): number {
	const messages = Array.from({ length: sources }, () => new Uint8Array(bytes).fill(7));
	const target = new Uint8Array(bytes);
	for (const message of messages) target.set(message);
	const started = monotonicNs();
	for (let i = 0; i < count; i++) target.set(messages[i % sources] as Uint8Array);
	return (bytes * count) / (monotonicNs() - started);
}

/** Median nanoseconds from before `loan.send()` to the handler of `drain`. */
export function measureLoans(pair: BulkPair, bytes: number, count: number): Promise<number> {
	const times = new Float64Array(count);
	let at = 0;
	const take = (view: Uint8Array): void => {
		const now = monotonicNs();
		times[at++] = now - new DataView(view.buffer, view.byteOffset).getFloat64(0, true);
	};
	return pair.run({ mode: "loan", bytes, count }, () => {
		while (at < count) checkArrival(pair.receiver.drain(take, { timeout: LOSS_TIMEOUT }));
		return percentile(times.sort(), 0.5);
	});
}
