import {
	type Engine,
	type EngineOptions,
	type EngineSender,
	type PresentSender,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { failure } from "../check/failure.ts";
import { hasSenderError } from "../check/open_failure.ts";
import { throwIfAborted } from "../check/signal.ts";
import { eventLoopOf } from "../wait/event_loop.ts";
import { WaitQueue } from "../wait/wait_queue.ts";

/** The route whose sender an open waits for. */
export interface Succession {
	readonly engine: Engine;
	readonly prefix: string;
	readonly name: string;
	/** How error messages name it. */
	readonly endpoint: string;
	readonly options: EngineOptions;
	/** Milliseconds; negative: no limit. */
	readonly wait: number;
}

/** The time that is left of a wait: milliseconds, rounded up; negative: no limit. */
function timer(wait: number): () => number {
	const ends = performance.now() + wait;
	return () => (wait < 0 ? -1 : Math.max(0, Math.ceil(ends - performance.now())));
}

/**
 * What to do after an attempt to take the place of the other sender. `orphaned`: the name was removed during the wait, so it is opened
 * again; that is no failure of this open.
 */
function settle(to: Succession, native: EngineSender, answer: number | PresentSender): EngineSender | undefined {
	if (answer === 0) return native;
	native.close();
	if (answer === Status.orphaned) return undefined;
	if (typeof answer === "number") throw failure(answer, to.name, to.endpoint);
	throw hasSenderError(to.name, to.endpoint, answer, waitedText(to, answer));
}

function waitedText({ wait }: Succession, { isHere }: PresentSender): string {
	if (wait < 0) return isHere ? ", and in the same thread, which cannot close it while it waits" : "";
	return `, which did not leave within ${wait} ms`;
}

/** Opens the sender of a route; blocks until the other sender has left. */
export function openAfterOther(to: Succession): EngineSender {
	const left = timer(to.wait);
	for (;;) {
		const native = to.engine.openSuccessor(to.prefix, to.name, to.options);
		const opened = settle(to, native, native.takeOver(left()));
		if (opened) return opened;
	}
}

/** The same without blocking the event loop. */
export async function openAfterOtherAsync(to: Succession, signal: AbortSignal | undefined): Promise<EngineSender> {
	const left = timer(to.wait);
	for (;;) {
		throwIfAborted(signal);
		const native = to.engine.openSuccessor(to.prefix, to.name, to.options);
		const opened = settle(to, native, await takeOverAsync(to, native, left(), signal));
		if (opened) return opened;
	}
}

async function takeOverAsync(
	{ engine, name }: Succession,
	native: EngineSender,
	wait: number,
	signal: AbortSignal | undefined,
): Promise<number | PresentSender> {
	const loop = eventLoopOf(engine);
	const queue = new WaitQueue(loop, native, WaitBits.peers);
	let present: PresentSender = { pid: 0, isHere: false };
	const attempt = (): number | undefined => {
		const answer = native.takeOver(0);
		if (typeof answer === "number") return answer;
		present = answer;
		return undefined;
	};
	let isOver = false;
	try {
		const answer = await queue.wait(name, { timeout: wait < 0 ? undefined : wait, signal }, attempt, {
			timedOut: () => Status.timedOut,
			closed: () => Status.closed,
		});
		isOver = true;
		return answer === Status.timedOut ? present : answer;
	} finally {
		queue.close();
		loop.release(native);
		if (!isOver) native.close();
	}
}
