import type { Answer } from "./pending_calls.ts";
import { type Quote, quoteOf, symbolAt } from "./quote.ts";
import { quoteServer } from "./quote_server.ts";

/** Without `symbol`: a request of the latest value. */
export interface Request {
	readonly id: number;
	readonly symbol?: string;
	readonly number?: number;
}

let latest: Quote = quoteOf(symbolAt(0), 0);
const quote = await quoteServer((next) => {
	latest = next;
});
process.on("message", ({ id, symbol, number = 0 }: Request) => {
	const result = symbol === undefined ? latest : quote(symbol, number);
	process.send?.({ id, result } satisfies Answer);
});
process.on("disconnect", () => process.exit());
