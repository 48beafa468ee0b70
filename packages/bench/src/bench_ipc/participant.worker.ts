/** A participant in a Worker: orders and reports are posted. */
import { type Order, serve } from "./participant.ts";

declare const self: Worker;

const obey = serve(
	(report) => self.postMessage(report),
	() => process.exit(0),
);
self.onmessage = (event: MessageEvent<Order>) => obey(event.data);
