import { wrap } from "comlink";
import { symbols } from "../prices.ts";
import type { Server } from "./server.ts";

const worker = new Worker(new URL("server.ts", import.meta.url));
const prices = wrap<Server>(worker);
for (const symbol of symbols) console.log(JSON.stringify(await prices.quote(symbol)));
console.log("latest", JSON.stringify(await prices.latest()));
worker.terminate();
