/** The moments of a latest value, between threads that take turns at each store; and the end of its versions. */
import { expect, test } from "bun:test";
import { BUFFER_BITS, bufferStride, headerLong, headerWord, Status } from "@libipc/protocol";
import { interrupted } from "../sab/testing/kill.ts";
import { PretendProcess } from "../sab/testing/pretend.ts";
import type { SegmentLatest } from "./latest.ts";
import { openLatest } from "./testing/pretend_handles.ts";

const LENGTH = 100;
const target = new Uint8Array(LENGTH);

const set = (latest: SegmentLatest, value: number): number =>
	latest.set(new Uint8Array(LENGTH).fill(value), LENGTH, -1);

function valueIn(latest: SegmentLatest): number | undefined {
	expect(latest.get(target, LENGTH)).toBe(LENGTH);
	return target.every((byte) => byte === target[0]) ? target[0] : undefined;
}

function two(): [SegmentLatest, SegmentLatest] {
	const process = new PretendProcess(200);
	return [openLatest(process.start()), openLatest(process.start())];
}

const currentOf = ({ segment: { longs } }: SegmentLatest): bigint => Atomics.load(longs, headerLong.current);
const bufferOf = (current: bigint): number => Number(BigInt.asUintN(BUFFER_BITS, current));
/** Where the version of a buffer is, among words of 64 bits. */
const longOf = ({ segment: { body } }: SegmentLatest, buffer: number): number =>
	(body + buffer * bufferStride(LENGTH)) >> 3;

test("a buffer has no version while it is written, and the current one is not written", () => {
	const [writer, reader] = two();
	for (let value = 1; value <= 8; value++) set(writer, value);
	const { longs, words, bytes } = writer.segment;
	for (let value = 9; value <= 16; value++) {
		let withoutVersion = 0;
		interrupted(
			() => set(writer, value),
			() => {
				for (let buffer = 0; buffer < (words[headerWord.buffers] as number); buffer++) {
					const at = longOf(writer, buffer);
					const version = Number(longs[at]);
					const last = bytes[(at << 3) + bufferStride(LENGTH) - 64] as number;
					// Each value is the number of its version.
					if (version === 0) withoutVersion++;
					else expect(last).toBe(version);
				}
				expect([value - 1, value]).toContain(valueIn(reader) as number);
			},
		);
		expect(withoutVersion).toBeGreaterThan(0);
	}
	writer.close();
	reader.close();
});

test("a set at any moment of the beginning of a wait ends it", () => {
	for (let moment = 0; ; moment++) {
		const [waiter, writer] = two();
		set(writer, 1);
		let wait: number = Status.closed;
		let wasSet = false;
		interrupted(
			() => {
				wait = waiter.enter(1, undefined);
			},
			(store) => {
				if (store !== moment) return;
				wasSet = true;
				set(writer, 2);
			},
		);
		if (!wasSet) expect([waiter.sleep(wait, 0), waiter.leave(wait)]).toEqual([Status.timedOut, false]);
		else if (wait !== Status.notEqual) expect(waiter.sleep(wait, 0)).toBe(0);
		expect(waiter.segment.words[headerWord.waiting]).toBe(0);
		waiter.close();
		writer.close();
		if (!wasSet) {
			expect(moment).toBeGreaterThan(3);
			break;
		}
	}
});

test("after the last version comes 1; the halves of a version change together", () => {
	const [writer, reader] = two();
	const last = 2 ** 53 - 1;
	for (const near of [2 ** 21 - 2, 2 ** 32 - 2, last - 1]) {
		set(writer, 7);
		const { longs } = writer.segment;
		const buffer = bufferOf(currentOf(writer));
		longs[longOf(writer, buffer)] = BigInt(near);
		longs[headerLong.current] = BigInt.asIntN(64, (BigInt(near) << BigInt(BUFFER_BITS)) | BigInt(buffer));
		expect([valueIn(reader), reader.seen()]).toEqual([7, near]);
		for (let i = 1; i <= 5; i++) {
			set(writer, 8);
			const shown = i <= last - near ? near + i : i - (last - near);
			expect([writer.version(), valueIn(reader), reader.seen()]).toEqual([shown, 8, shown]);
		}
	}
	writer.close();
	reader.close();
});
