import type { ReceiverEvent } from "./receiver_event.ts";
import { readReceiverSetup } from "./receiver_setup.ts";
import { Tally } from "./tally.ts";

declare const self: Worker;

const setup = readReceiverSetup();
const tally = new Tally(setup);

const channel = new BroadcastChannel(setup.address ?? "");
channel.onmessage = (event) => {
	const message: Uint8Array = event.data;
	if (message.length > 0) tally.take(message);
	else self.postMessage({ kind: "round", ...tally.finish() } satisfies ReceiverEvent);
};
self.postMessage({ kind: "ready" } satisfies ReceiverEvent);
