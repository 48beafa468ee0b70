import { expose } from "comlink";
import { type Quote, quoteOf, symbolAt } from "./quote.ts";
import { setLatest } from "./set_latest.ts";

let latest: Quote = quoteOf(symbolAt(0), 0);
const server = { latest: () => latest, quote: quoteOf };
export type Server = typeof server;

await setLatest((quote) => {
	latest = quote;
});
expose(server);
