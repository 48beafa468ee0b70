import { createHub } from "../hub.ts";
import { FIRST_UNIT, UNIT_BYTES } from "../hub_layout.ts";
import type { NameOptions } from "../names.ts";
import { Threads } from "../threads.ts";

/** A simulated thread, for tests, which can be killed at any moment. It never sleeps: if the lock is taken, it checks at once whether the owner lives. */
class PretendThread extends Threads {
	override wait(): boolean {
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
