// As a user writes it: a service, which CommonJS loads too.
import { createRequire } from "node:module";
import { IpcError } from "libipc";
import { Service } from "libipc/service";

const options = { prefix: `packed${process.pid}` };
const { defineService } = createRequire(import.meta.url)("libipc/service");
const definition = defineService("prices", options);
const server = definition.serve({ quote: (symbol) => `${symbol} 42.17` });
const prices = Service.connect("prices", options);
const answer = await prices.quote("BUN");
let isKnown = false;
try {
	Service.connect("");
} catch (error) {
	isKnown = error instanceof IpcError && error.constructor === IpcError;
}
console.log(answer, isKnown);
prices[Symbol.dispose]();
server.close();
