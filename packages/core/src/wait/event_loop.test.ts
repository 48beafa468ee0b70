/** Whether signals reach an event loop: it signals itself once. */
import { expect, test } from "bun:test";
import type { Engine, EngineWaker } from "@libipc/protocol";
import { EventLoop, type Pollable } from "./event_loop.ts";

/** An engine whose signals do or do not arrive. */
class FakeWakers {
	opened = 0;
	signals = 0;
	readonly #arrive: boolean;

	constructor(arrive: boolean) {
		this.#arrive = arrive;
	}

	readonly engine = { openWaker: (signalled: () => void) => this.#open(signalled) } as unknown as Engine;

	#open(signalled: () => void): EngineWaker {
		this.opened++;
		return {
			low: 1,
			high: 1,
			keepAlive() {},
			signalItself: () => {
				this.signals++;
				if (this.#arrive) setImmediate(signalled);
			},
			close() {},
		};
	}
}

/** Something that waits, and counts how often it is polled. */
function waiting(): Pollable & { polls: number } {
	return {
		polls: 0,
		keepsAlive: true,
		isEmpty: false,
		isSignalled: () => false,
		serve() {},
		hasMissed() {
			this.polls++;
			return false;
		},
	};
}

test("an event loop whose signal to itself does not arrive says so once, and polls often from then on", async () => {
	const refused = new FakeWakers(false);
	const heard = new FakeWakers(true);
	const loops = [new EventLoop(refused.engine), new EventLoop(heard.engine)] as const;
	const ends = [waiting(), waiting()] as const;
	const warnings: Error[] = [];
	const warned = (warning: Error): void => {
		warnings.push(warning);
	};
	process.on("warning", warned);
	try {
		loops[0].waker(refused);
		loops[1].waker(heard);
		loops[0].add(ends[0]);
		loops[1].add(ends[1]);
		// Two timers run in one turn after a pause, so it takes more than one turn to see which polls more often.
		while (ends[1].polls < 4 || ends[0].polls < 3 * ends[1].polls) await Bun.sleep(1);
		expect(warnings).toHaveLength(1);
		expect(warnings[0]?.message).toContain("did not arrive");
		expect(warnings[0]).toHaveProperty("code", "IPC_NO_SIGNALS");
		// Another waker of the same thread is not tested again.
		loops[0].release(refused);
		loops[0].waker(refused);
		expect([refused.opened, refused.signals, heard.signals]).toEqual([2, 1, 1]);
	} finally {
		loops[0].remove(ends[0]);
		loops[1].remove(ends[1]);
		process.off("warning", warned);
	}
});
