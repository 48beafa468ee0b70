import { expose } from "comlink";
import { quoteOf } from "../prices.ts";

let latest = quoteOf("BUN");
const server = {
	latest: () => latest,
	quote(symbol: string) {
		latest = quoteOf(symbol);
		return latest;
	},
};
export type Server = typeof server;

expose(server);
