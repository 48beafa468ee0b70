/** Serves prices, for a client in another language: see docs/c.md. `bun serve.ts [prefix]` */

import { json } from "libipc/codecs";
import { Service } from "libipc/service";

const [prefix = ""] = process.argv.slice(2);

const server = Service.serve(
	"prices",
	{
		quote(symbol: string) {
			if (symbol !== "BUN") throw Object.assign(new RangeError(`there is no ${symbol}`), { code: "NO_SYMBOL" });
			return { symbol, price: 42.25 };
		},
		*history(symbol: string, days = 3) {
			for (let day = 1; day <= days; day++) yield `${symbol} on day ${day}`;
		},
	},
	{ prefix, codec: json() },
);
process.once("SIGTERM", () => server.shutdown());
