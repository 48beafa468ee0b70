import { dlopen, JSCallback } from "bun:ffi";
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { libraryPath } from "@libipc/core/bun";
import { monotonicNs } from "libipc";
import type { WakeSource } from "./wake.ts";

const suffix = process.platform === "darwin" ? "dylib" : "so";

/** A native thread of this process calls a thread-safe callback: no way of waking an event loop costs less. */
export function callbackWake(gapUs: number): WakeSource {
	const { symbols } = dlopen(join(dirname(realpathSync(libraryPath())), `callback_thread.${suffix}`), {
		callback_thread_start: { args: ["function", "buffer", "u32", "u32"], returns: "ptr" },
		callback_thread_join: { args: ["ptr"], returns: "void" },
	});
	const called = new Float64Array(1);
	let onCall = (): void => {};
	const callback = new JSCallback(() => onCall(), { args: [], returns: "void", threadsafe: true });
	return {
		title: "a native thread calls a thread-safe callback",
		async run(count) {
			const times = new Float64Array(count);
			// A thread-safe callback does not keep the process alive.
			const alive = setInterval(() => {}, 1000);
			const done = Promise.withResolvers<void>();
			let at = 0;
			onCall = () => {
				times[at++] = monotonicNs() - (called[0] as number);
				if (at === count) done.resolve();
			};
			const thread = symbols.callback_thread_start(callback.ptr, called, count, gapUs);
			if (thread === null) throw new Error("no thread could be started");
			await done.promise;
			symbols.callback_thread_join(thread);
			clearInterval(alive);
			return times;
		},
		async [Symbol.asyncDispose]() {
			callback.close();
		},
	};
}
