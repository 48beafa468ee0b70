/** Answers calls over HTTP: `http.program.ts SOCKET`. */
import { report } from "../../launcher/started.ts";
import { type Quote, quoteOf, symbolAt } from "./quote.ts";
import { setLatest } from "./set_latest.ts";

let latest: Quote = quoteOf(symbolAt(0), 0);
await setLatest((quote) => {
	latest = quote;
});
Bun.serve({
	unix: process.argv[2] ?? "",
	routes: {
		"/latest": () => Response.json(latest),
		"/quote/:symbol/:number": ({ params: { symbol, number } }) => Response.json(quoteOf(symbol, Number(number))),
	},
});
report("ready");
