/** A receiver that is too slow, under the three policies: `bun examples/guide/back-pressure/main.ts`. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { type Overflow, type Receiver, Route } from "libipc";

const [role = "sender", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const MESSAGES = 1000;
const message = new Uint8Array(100);

/** Reads the messages that are in the ring and returns their number. */
function read(receiver: Receiver): number {
	let count = 0;
	while (receiver.tryRecv()) count++;
	return count;
}

function receive(): void {
	using blocking = Route.receiver("blocking", { prefix });
	using newest = Route.receiver("newest", { prefix });
	using oldest = Route.receiver("oldest", { prefix });
	using start = Route.receiver("start", { prefix });
	// Reads nothing until everything has been sent.
	start.recv({ timeout: 5000 });
	let all = 0;
	// The last message is longer than the others.
	while (blocking.recv({ timeout: 5000 })?.byteLength === message.byteLength) all++;
	console.log(`${all} ${read(newest)} ${read(oldest)} ${oldest.lost}`);
}

async function send(): Promise<void> {
	const open = (name: string, overflow: Overflow) => Route.sender(name, { prefix, overflow, capacity: 4096 });
	using blocking = open("blocking", "block");
	using newest = open("newest", "drop-newest");
	using oldest = open("oldest", "drop-oldest");
	using start = Route.sender("start", { prefix });
	const receiver = [...process.execArgv, import.meta.filename, "receiver", prefix];
	const output = text(spawn(process.execPath, receiver, { stdio: ["ignore", "pipe", "inherit"] }).stdout);
	// The receiver opens this name last.
	if (!(await start.receiversReady(1, { timeout: 5000 }))) throw new Error("the receiver did not start");

	let sent = 0;
	while (blocking.trySend(message)) sent++;
	console.log(`block: full before ${MESSAGES}: ${sent < MESSAGES}, ${blocking.refusal}`);
	console.log(`block: one more within 20 ms: ${blocking.send(message, { timeout: 20 })}, ${blocking.refusal}`);
	// Waits for the receiver. The program continues meanwhile.
	const last = blocking.sendAsync(new Uint8Array(200), { timeout: 5000 });

	let kept = 0;
	let overwriting = 0;
	for (let i = 0; i < MESSAGES; i++) {
		if (newest.send(message)) kept++;
		if (oldest.send(message)) overwriting++;
	}

	start.send("now");
	const counts = await output;
	const [all = 0, notDropped = 0, left = 0, lost = 0] = counts.split(" ").map(Number);
	console.log(`block: the last one was sent: ${await last}`);
	console.log(`block: read what was sent: ${all === sent}`);
	console.log(`block: one more without a receiver: ${blocking.send(message)}, ${blocking.refusal}`);
	console.log(`drop-newest: full before ${MESSAGES}: ${kept < MESSAGES}; read what was sent: ${notDropped === kept}`);
	console.log(`drop-oldest: sent ${overwriting}, read and lost: ${left + lost}; lost some: ${lost > 0}`);
}

if (role === "receiver") receive();
else await send();
