/** Prints prices until none arrives for two seconds: `bun examples/listen.ts`, in any number of terminals. */
import { Route } from "libipc";

const decoder = new TextDecoder();

using prices = Route.receiver("example.prices");
console.log("listening …");
// The first wait has no timeout.
for (let message = prices.recv(); message !== null; message = prices.recv({ timeout: 2000 }))
	console.log(decoder.decode(message));
