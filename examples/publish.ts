/** Publishes a price every 10 ms to whoever listens: `bun examples/publish.ts`, beside `bun examples/listen.ts`. */
import { Route } from "@libipc/core";

const count = Number(process.argv[2] ?? 500);

using prices = Route.sender("example.prices");
console.log("waiting for a listener …");
prices.waitForReceivers(1);
let price = 42;
for (let i = 0; i < count; i++) {
	price += Math.random() - 0.5;
	// false: nobody listens any more.
	if (!prices.send(`BUN ${price.toFixed(2)}`)) break;
	await Bun.sleep(10);
}
console.log("done");
