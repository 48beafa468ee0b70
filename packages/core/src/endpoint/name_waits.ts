import { type EndpointKind, type Engine, limits } from "@libipc/protocol";
import { checkCount, checkOptionsObject, describe, FACTORIES, invalid } from "../check/argument.ts";
import { checkSignal, timeoutOf } from "../check/call_options.ts";
import { checkName } from "../check/name.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { listenTo, throwIfAborted } from "../check/signal.ts";
import type { EndpointFactory, NameWaitAsyncOptions, NameWaitOptions } from "./types.ts";

/** How long a wait rests between two looks at the name. Milliseconds. */
const INTERVAL = 20;

/** A word that never changes, to sleep on. */
const never = new Int32Array(new SharedArrayBuffer(4));

interface NameWait {
	/** Whether there are enough receivers. */
	readonly isOver: () => boolean;
	/** The time that is left, in milliseconds, up to {@link INTERVAL}; 0: the time is up. */
	readonly rest: () => number;
	readonly signal: AbortSignal | undefined;
}

/** `waitForReceivers` and `receiversReady` of a factory: waits of programs that have no endpoint. */
export function createNameWaits(
	engine: () => Engine,
	kind: EndpointKind,
): Pick<EndpointFactory, "waitForReceivers" | "receiversReady"> {
	function prepare(
		call: "waitForReceivers" | "receiversReady",
		name: string,
		count: number,
		given: NameWaitAsyncOptions | undefined,
	): NameWait {
		const options = checkOptionsObject(name, given, '{ prefix: "app", timeout: 100 }') ?? {};
		const prefix = checkName(name, options.prefix);
		const known = call === "receiversReady" ? optionNames.nameWaitAsync : optionNames.nameWait;
		checkOptionNames(name, `${FACTORIES[kind]}.${call}`, options, known);
		const wanted = checkCount(name, "count", count, 0, limits.maxReceivers);
		const timeout = timeoutOf(name, options);
		const ends = timeout < 0 ? Infinity : performance.now() + timeout;
		const signal = call === "receiversReady" ? checkSignal(name, options.signal) : undefined;
		const isOver = (): boolean => {
			if (wanted === 0) return true;
			const receivers = engine().countReceivers(kind, prefix, name);
			if (receivers.most > 0 && wanted > receivers.most)
				throw invalid(
					name,
					`${describe(kind, prefix, name)} cannot have ${wanted} receivers: its creator allowed ${receivers.most}. Create it with a larger maxReceivers.`,
				);
			return receivers.count >= wanted;
		};
		return { isOver, rest: () => Math.min(INTERVAL, Math.max(0, ends - performance.now())), signal };
	}

	return {
		waitForReceivers(name: string, count: number, options?: NameWaitOptions): boolean {
			const { isOver, rest } = prepare("waitForReceivers", name, count, options);
			for (;;) {
				if (isOver()) return true;
				const milliseconds = rest();
				if (milliseconds === 0) return false;
				Atomics.wait(never, 0, 0, milliseconds);
			}
		},

		async receiversReady(name: string, count: number, options?: NameWaitAsyncOptions): Promise<boolean> {
			const { isOver, rest, signal } = prepare("receiversReady", name, count, options);
			for (;;) {
				throwIfAborted(signal);
				if (isOver()) return true;
				const milliseconds = rest();
				if (milliseconds === 0) return false;
				await sleep(milliseconds, signal);
			}
		},
	};
}

/** Ends early if the signal is aborted. */
async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
	let unlisten: (() => void) | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;
	await new Promise<void>((resolve) => {
		timer = setTimeout(resolve, milliseconds);
		if (signal) unlisten = listenTo(signal, resolve);
	});
	clearTimeout(timer);
	unlisten?.();
}
