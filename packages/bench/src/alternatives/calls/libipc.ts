import { clear, Latest } from "libipc";
import { Service } from "libipc/service";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import { type CallCodec, callCodecs, quoteCodecs } from "./call_codecs.ts";
import type { quoteOf } from "./quote.ts";
import { startServer } from "./server_process.ts";

interface Handlers {
	readonly quote: typeof quoteOf;
}

/** "async": promises, in an event loop. "sync": each call blocks the thread. */
type Calling = "async" | "sync";

/** A service and a latest value. The client does not poll: it waits as programs do. */
function libipc(codec: CallCodec, calling: Calling): CallAlternative {
	return {
		name: `libipc, ${codec}${calling === "sync" ? ", $sync" : ""}`,
		async connect(signal): Promise<CallClient> {
			signal?.throwIfAborted();
			const prefix = `calls${process.pid}.`;
			await using started = new AsyncDisposableStack();
			// After an abort, a killed server has left its names.
			started.defer(async () => void clear({ prefix }));
			const server = started.use(await startServer({ program: "libipc.program.ts", args: [codec, prefix], signal }));
			const prices = started.use(Service.connect<Handlers>("prices", { prefix, codec: callCodecs[codec] }));
			const latest = started.use(Latest.open("latest", { prefix, codec: quoteCodecs[codec] }));
			const { quote } = calling === "sync" ? prices.$sync : prices;
			const cleanup = started.move();
			return {
				quote,
				latest: () => latest.get(),
				failure: server.failure,
				[Symbol.asyncDispose]: () => cleanup.disposeAsync(),
			};
		},
	};
}

export const libipcCalls: readonly CallAlternative[] = [
	libipc("json", "async"),
	libipc("structured", "async"),
	libipc("json", "sync"),
];
