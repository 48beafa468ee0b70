import { monotonicNs } from "@libipc/core";
import { percentile } from "../statistics/percentile.ts";
import type { BulkPair } from "./bulk_pair.ts";
import { BATCH, checkStamp } from "./message.ts";

/** Nanoseconds for each of `count` messages that travel in batches. */
export function measureBatches(pair: BulkPair, bytes: number, count: number): number {
	pair.start("batch", bytes, count + BATCH);
	let number = 0;
	const take = (most: number): void => {
		pair.receiver.drainBatch(
			(batch) => {
				for (let i = 0; i < batch.count; i++) {
					const at = batch.offsets[i] as number;
					const length = batch.lengths[i] as number;
					if (length !== bytes) throw new Error(`message ${number} has ${length} bytes`);
					checkStamp(batch.bytes, at, at + length, number++);
				}
			},
			{ max: most },
		);
	};
	// Until the first batch is here the sender prepares.
	while (number < BATCH) take(BATCH - number);
	const started = monotonicNs();
	while (number < count + BATCH) take(1024);
	return (monotonicNs() - started) / count;
}

/** Bytes per nanosecond of large messages: `recvInto` copies them out, `drain` only looks at them. */
export function measureLarge(pair: BulkPair, how: "recvInto" | "drain", bytes: number, count: number): number {
	pair.start("send", bytes, count + 1);
	const target = new Uint8Array(bytes);
	let number = 0;
	const take = (): void => {
		if (how === "recvInto") {
			pair.receiver.recvInto(target);
			checkStamp(target, 0, bytes, number++);
		} else pair.receiver.drain((view) => checkStamp(view, 0, bytes, number++), { max: count + 1 - number });
	};
	take();
	const first = number;
	const started = monotonicNs();
	while (number < count + 1) take();
	return (bytes * (count + 1 - first)) / (monotonicNs() - started);
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
export function measureLoans(pair: BulkPair, bytes: number, count: number): number {
	pair.start("loan", bytes, count);
	const times = new Float64Array(count);
	let at = 0;
	while (at < count)
		pair.receiver.drain((view) => {
			const now = monotonicNs();
			times[at++] = now - new DataView(view.buffer, view.byteOffset).getFloat64(0, true);
		});
	return percentile(times.sort(), 0.5);
}
