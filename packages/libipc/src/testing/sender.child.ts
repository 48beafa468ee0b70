/** Sends pattern messages: `sender.child.ts KIND PREFIX NAME SENDER COUNT LARGEST RECEIVERS WAY CAPACITY`. */
import { writePattern } from "../../../core/src/testing/pattern.ts";
import { factories, type Kind, PATIENCE_MS } from "./ends.ts";

const [kind, prefix = "", name = "", sender, count, largest, receivers, way, capacity] = process.argv.slice(2);
const endpoint = factories[kind as Kind].sender(name, { prefix, capacity: Number(capacity) });
if (!endpoint.waitForReceivers(Number(receivers), { timeout: PATIENCE_MS })) throw new Error("nobody came");
console.log("ready");

const patience = { timeout: PATIENCE_MS };
const buffer = new Uint8Array(Number(largest));
const message = (sequence: number) => writePattern(buffer, Number(sender), sequence, Number(largest));

const ways: Record<string, (first: number) => number | Promise<number>> = {
	send: (sequence) => Number(endpoint.send(message(sequence), patience)),
	async: async (sequence) => Number(await endpoint.sendAsync(message(sequence), patience)),
	batch: (first) =>
		endpoint.sendBatch(
			Array.from({ length: Math.min(64, Number(count) - first) }, (_, i) => message(first + i).slice()),
			patience,
		),
	loan(sequence) {
		const bytes = message(sequence);
		const loan = endpoint.loan(bytes.byteLength, patience);
		loan?.bytes.set(bytes);
		return Number(loan?.send() ?? false);
	},
};

let sent = 0;
while (sent < Number(count)) {
	const accepted = await ways[way ?? ""]?.(sent);
	if (!accepted) break;
	sent += accepted;
}
console.log(JSON.stringify({ sent }));
endpoint.close();
