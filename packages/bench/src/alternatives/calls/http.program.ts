/** Answers calls over HTTP: `http.program.ts SOCKET`. */
import { report } from "../../launcher/started.ts";
import { type Quote, quoteOf, symbolAt } from "./quote.ts";
import { quoteServer } from "./quote_server.ts";

let latest: Quote = quoteOf(symbolAt(0), 0);
const quote = await quoteServer((next) => {
	latest = next;
});
Bun.serve({
	unix: process.argv[2] ?? "",
	routes: {
		"/latest": () => Response.json(latest),
		"/quote/:symbol/:number": ({ params: { symbol, number } }) => Response.json(quote(symbol, Number(number))),
	},
});
report("ready");
