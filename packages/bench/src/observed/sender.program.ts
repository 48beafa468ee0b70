/**
 * Sends as fast as it can: `sender.program.ts PREFIX NAME BYTES`. For each line of standard input, which is a number of milliseconds, it
 * sends for so long, and prints how many messages a second that were, as JSON; also for a second of its processor time, which other
 * programs on its processor do not change.
 */
import { createInterface } from "node:readline";
import { Channel } from "libipc";

const [prefix = "", name = "", bytes = ""] = process.argv.slice(2);
const sender = Channel.sender(name, { prefix });
// Messages are written for it, and it never reads: no receiver takes part in what is measured.
const unread = Channel.receiver(name, { prefix, lossy: true });
const message = new Uint8Array(Number(bytes)).fill(7);
/** Messages between two looks at the clock. */
const TURN = 1000;

function run(milliseconds: number): { readonly perSecond: number; readonly perProcessorSecond: number } {
	const used = process.cpuUsage();
	const begin = performance.now();
	let count = 0;
	let now = begin;
	while (now - begin < milliseconds) {
		for (let i = 0; i < TURN; i++) if (!sender.send(message)) throw new Error(`not sent: ${sender.refusal}`);
		count += TURN;
		now = performance.now();
	}
	const { user, system } = process.cpuUsage(used);
	return { perSecond: (count / (now - begin)) * 1000, perProcessorSecond: (count / (user + system)) * 1e6 };
}

run(300); // compiled
console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin }))
	console.log(JSON.stringify({ ...run(Number(line)), observers: sender.observerCount - 1 }));
unread.close();
sender.close();
