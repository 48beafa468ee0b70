/** Prints prices until none has come for two seconds: `bun examples/listen.ts`, as often as you like. */
import { Route } from "@libipc/core";

const decoder = new TextDecoder();

using prices = Route.receiver("example.prices");
console.log("listening …");
// The first one may take as long as it takes.
for (let message = prices.recv(); message !== null; message = prices.recv({ timeout: 2000 }))
	console.log(decoder.decode(message));
