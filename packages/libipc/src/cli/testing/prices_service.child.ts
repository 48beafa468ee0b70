/** A service with methods of all kinds: `prices_service.child.ts PREFIX`. Prints `open` when it is served. */

import { json } from "libipc/codecs";
import { Service } from "libipc/service";

const [prefix = ""] = process.argv.slice(2);

Service.serve(
	"prices",
	{
		quote: (symbol: string, count = 1) => ({ symbol, price: 42.5 * count }),
		text: (value: unknown) => `${typeof value} ${value}`,
		fails() {
			throw new RangeError("no such symbol");
		},
		nothing() {},
		never: () => new Promise<void>(() => {}),
		async *watch(symbol: string) {
			for (let i = 0; i < 3; i++) yield { symbol, i };
		},
		async *started() {
			yield "started";
			await new Promise<void>(() => {});
		},
		ends: () => process.kill(process.pid, "SIGKILL"),
	},
	{ prefix, codec: json() },
);
console.log(JSON.stringify("open"));
