/** What a process that is killed while it writes the state leaves: the bytes of the state before are not touched. */
import { expect, test } from "bun:test";
import type { SharedMemory } from "../lock/shared_memory.ts";
import { LockMemory } from "./lock_memory.ts";
import type { LockState } from "./lock_state.ts";

/** What a {@link LockMemory} uses of shared memory. */
function fakeMemory(byteLength: number) {
	let buffer = new ArrayBuffer(byteLength);
	const memory = {
		name: "state",
		get bytes() {
			return new Uint8Array(buffer);
		},
		get words() {
			return new Int32Array(buffer);
		},
		get byteLength() {
			return buffer.byteLength;
		},
		grow(most: number) {
			const larger = new ArrayBuffer(most);
			new Uint8Array(larger).set(new Uint8Array(buffer));
			buffer = larger;
		},
	};
	return memory as unknown as SharedMemory;
}

const stateOf = (entries: number, length: number): LockState => ({
	held: Array.from({ length: entries }, (_, request) => ({
		...{ request, peer: 1, clientId: "client", mode: "shared" as const },
		name: "x".repeat(length),
	})),
	pending: [],
});

test("states of all sizes follow one another, and a write leaves the one before until the end", () => {
	const memory = fakeMemory(4096);
	const it = new LockMemory(memory);
	let before: LockState = { held: [], pending: [] };
	expect(it.read()).toEqual(before);
	for (const [entries, length] of [
		[1, 10],
		[2, 50],
		[0, 0],
		[1, 700],
		[1, 2],
		[30, 100],
		[1, 1],
		[40, 300],
		[3, 3],
	] as const) {
		const next = stateOf(entries, length);
		it.write(next);
		expect(it.read()).toEqual(next);
		// As if the last store had not been made.
		const current = memory.words[0] as number;
		memory.words[0] = current ^ 1;
		expect(it.read()).toEqual(before);
		memory.words[0] = current;
		before = next;
	}
	expect(memory.byteLength).toBeGreaterThan(4096);
});
