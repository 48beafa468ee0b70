import { Latest } from "libipc";
import { json } from "libipc/codecs";
import { Service } from "libipc/service";
import { type Quote, quoteOf } from "../prices.ts";

const latest = Latest.open("latest", { codec: json<Quote>() });
latest.set(quoteOf("BUN"));
const handlers = {
	quote(symbol: string) {
		latest.set(quoteOf(symbol));
		return quoteOf(symbol);
	},
};
export type Handlers = typeof handlers;

const server = Service.serve("prices", handlers, { codec: json() });
process.once("SIGTERM", () => server.shutdown());
