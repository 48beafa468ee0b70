/** Sends `count` pattern messages: `sender KIND PREFIX NAME SENDER COUNT LARGEST RECEIVERS [WAY [CAPACITY]]`. */
import { writePattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { factories, type Kind } from "../names.ts";

const [kind, prefix = "", name = "", sender, countText, largestText, receivers, way = "send", capacity] = args;
const count = Number(countText);
const largest = Number(largestText);
using endpoint = factories[kind as Kind].sender(name, {
	prefix,
	...(capacity === undefined ? {} : { capacity: Number(capacity) }),
});
if (!endpoint.waitForReceivers(Number(receivers), { timeout: 20_000 })) throw new Error("the receivers did not come");
say("ready");

const patience = { timeout: 20_000 };
const buffer = new Uint8Array(largest);
const message = (sequence: number) => writePattern(buffer, Number(sender), sequence, largest);
const BATCH = 100;

/** Each sends from message `first` on, and returns how many. */
const ways: Record<string, (first: number) => number | Promise<number>> = {
	send: (first) => Number(endpoint.send(message(first), patience)),
	batch: (first) =>
		endpoint.sendBatch(
			Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => message(first + i).slice()),
			patience,
		),
	loan(first) {
		const bytes = message(first);
		const loan = endpoint.loan(bytes.byteLength, patience);
		loan?.bytes.set(bytes);
		return Number(loan?.send() ?? false);
	},
	async: async (first) => Number(await endpoint.sendAsync(message(first), patience)),
};

const send = ways[way];
if (!send) throw new Error(`there is no way "${way}" to send`);
let sent = 0;
while (sent < count) {
	const result = send(sent);
	// Not always awaited: a turn of the event loop for each message would take most of the time.
	const accepted = typeof result === "number" ? result : await result;
	if (accepted === 0) break;
	sent += accepted;
}
say(JSON.stringify({ sent }));
