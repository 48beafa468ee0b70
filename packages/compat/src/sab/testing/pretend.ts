import { createHub } from "../hub.ts";
import { FIRST_UNIT, UNIT_BYTES } from "../hub_layout.ts";
import type { NameOptions } from "../name_options.ts";
import { Threads } from "../threads.ts";

/** How much later each reading of the clock is than the one before, so that a loop that waits for a moment ends. Milliseconds. */
const READING = 0.001;

/**
 * The time of all simulated threads, in milliseconds. It passes only when one of them sleeps or reads it, and in {@link passTime}. So a timeout never ends
 * because the machine is slow, and a test that waits takes no time.
 */
let clock = 0;

export function passTime(milliseconds: number): void {
	clock += milliseconds;
}

/** A simulated thread, for tests, which can be killed at any moment. No other thread runs while it sleeps: each sleep ends at once. */
class PretendThread extends Threads {
	override now(): number {
		clock += READING;
		return clock;
	}

	override monotonicMs(): number {
		return Math.floor(this.now());
	}

	override wait(_words: Int32Array, _index: number, _expected: number, milliseconds: number): boolean {
		clock += milliseconds;
		return false;
	}
}

export class PretendProcess {
	readonly buffer: SharedArrayBuffer;
	readonly #alive = new Set<number>();
	#next = 1;

	/** With a hub of so many units for blocks. */
	constructor(units: number) {
		this.buffer = createHub(
			new SharedArrayBuffer(FIRST_UNIT * UNIT_BYTES, { maxByteLength: (FIRST_UNIT + units) * UNIT_BYTES }),
		);
	}

	start(): Threads {
		const low = this.#next++;
		this.#alive.add(low);
		return new PretendThread(this.buffer, {
			self: { low, high: 0 },
			isAlive: (_hub, of) => this.#alive.has(of),
		});
	}

	kill(thread: Threads): void {
		this.#alive.delete(thread.self.low);
	}
}

export const noOptions: NameOptions = {
	capacity: 0,
	maxReceivers: 0,
	permissions: 0,
	overflow: 0,
	firstPosition: 0,
	mode: 0,
	initial: 0,
	robust: 0,
	size: 0,
	keep: 0,
	codec: "",
	stamp: 0,
	maxAttempts: 0,
	deadLetter: "",
};

/** The code of what `action` throws; "": nothing. */
export function codeOf(action: () => unknown): string {
	try {
		action();
		return "";
	} catch (error) {
		return (error as { code: string }).code;
	}
}
