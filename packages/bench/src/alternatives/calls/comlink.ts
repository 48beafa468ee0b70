import { wrap } from "comlink";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import type { Server } from "./comlink.program.ts";

/** comlink over the `postMessage` of a Worker: threads of one process, not processes. */
export const comlink: CallAlternative = {
	name: "comlink",
	async connect(signal): Promise<CallClient> {
		signal?.throwIfAborted();
		const worker = new Worker(new URL("comlink.program.ts", import.meta.url));
		const server = wrap<Server>(worker);
		const failure = Promise.withResolvers<never>();
		failure.promise.catch(() => {});
		const abort = (): void => failure.reject(signal?.reason);
		signal?.addEventListener("abort", abort, { once: true });
		worker.addEventListener("error", ({ message }) => failure.reject(new Error(`comlink.program.ts: ${message}`)));
		return {
			quote: (symbol, number) => server.quote(symbol, number),
			latest: () => server.latest(),
			failure: failure.promise,
			async [Symbol.asyncDispose]() {
				signal?.removeEventListener("abort", abort);
				worker.terminate();
			},
		};
	},
};
