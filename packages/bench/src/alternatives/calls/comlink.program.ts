import { expose } from "comlink";
import { type Quote, quoteOf, symbolAt } from "./quote.ts";
import { quoteServer } from "./quote_server.ts";

let latest: Quote = quoteOf(symbolAt(0), 0);
const quote = await quoteServer((next) => {
	latest = next;
});
const server = { latest: () => latest, quote };
export type Server = typeof server;

expose(server);
