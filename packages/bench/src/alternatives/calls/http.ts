import { join } from "node:path";
import { TemporaryDirectory } from "../temporary_directory.ts";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import type { Quote } from "./quote.ts";
import { startServer } from "./server_process.ts";

/** `Bun.serve` and `fetch` over a Unix socket, whose connection is kept open. */
export const http: CallAlternative = {
	name: "HTTP over a Unix socket",
	async connect(signal): Promise<CallClient> {
		signal?.throwIfAborted();
		await using started = new AsyncDisposableStack();
		const { path } = started.use(new TemporaryDirectory());
		const unix = join(path, "socket");
		const server = started.use(await startServer({ program: "http.program.ts", args: [unix], signal }));
		const get = async (path: string): Promise<Quote> => {
			const response = await fetch(`http://localhost${path}`, { unix });
			if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
			return (await response.json()) as Quote;
		};
		const cleanup = started.move();
		return {
			quote: (symbol, number) => get(`/quote/${encodeURIComponent(symbol)}/${number}`),
			latest: () => get("/latest"),
			failure: server.failure,
			[Symbol.asyncDispose]: () => cleanup.disposeAsync(),
		};
	},
};
