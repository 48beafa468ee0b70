import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Receiver } from "libipc";

/** How long an observer waits when there is no message. Milliseconds. */
const PAUSE = 20;
/** The most messages of one call. */
const TURN = 1024;
/** The longest look. Milliseconds. */
const LONGEST = 20;

/**
 * Calls `handle` with the messages of an observer until the signal is aborted, or `handle` returns false. It looks for messages from
 * time to time, and is never signalled: a sender makes no system call for it. After a look it pauses at least as long as the look has
 * taken, so that it does not take more than half of a processor, or of the ring's memory, from those that work.
 */
export async function observe(
	receiver: Receiver,
	handle: (view: Uint8Array) => boolean,
	signal: AbortSignal,
): Promise<void> {
	let goesOn = true;
	const take = (view: Uint8Array): void => {
		if (goesOn) goesOn = handle(view);
	};
	while (goesOn && !signal.aborted) {
		const started = performance.now();
		while (receiver.drain(take, { max: TURN, timeout: 0 }) > 0 && goesOn && performance.now() - started < LONGEST);
		const { stdout } = process;
		if (stdout.writableNeedDrain) await once(stdout, "drain");
		const taken = performance.now() - started;
		await sleep(Math.max(PAUSE, taken), undefined, { signal }).catch(() => {});
	}
}
