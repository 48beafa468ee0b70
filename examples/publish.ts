/** Publishes a price every 10 ms: `bun examples/publish.ts`, while `bun examples/listen.ts` runs in other terminals. */
import { setTimeout as sleep } from "node:timers/promises";
import { Route } from "libipc";

const count = Number(process.argv[2] ?? 500);

using prices = Route.sender("example.prices");
console.log("waiting for a listener …");
prices.waitForReceivers(1);
let price = 42;
for (let i = 0; i < count; i++) {
	price += Math.random() - 0.5;
	// false: no receiver is connected any more.
	if (!prices.send(`BUN ${price.toFixed(2)}`)) break;
	await sleep(10);
}
console.log("done");
