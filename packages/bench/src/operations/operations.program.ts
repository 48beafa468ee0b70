/**
 * The micro-benchmarks of bench:operations, in a process that the command can end: they leave the event loop no time to
 * notice a signal. The argument is the prefix of the names.
 */
import { Channel, Route, type Sender } from "libipc";
import { bench, do_not_optimize, group, run } from "mitata";
import { report } from "../launcher/started.ts";
import { features } from "./features.ts";
import { latest, latestBesideOthers } from "./latest.ts";

const [prefix = ""] = process.argv.slice(2);
const SIZES = [16, 64, 256, 1024, 4096, 16_384, 65_536];
const BATCH = 64;

using sender = Route.sender("sizes", { prefix, capacity: 16 << 20 });
using receiver = Route.receiver("sizes", { prefix });
const target = new Uint8Array(65_536);

function ofSizes(name: string, operation: (message: Uint8Array) => unknown): void {
	group(name, () => {
		for (const size of SIZES) {
			const message = new Uint8Array(size).fill(1);
			bench(`${size.toLocaleString("en")} B`, () => do_not_optimize(operation(message)));
		}
	});
}

ofSizes("send + recvInto", (message) => {
	sender.send(message);
	return receiver.recvInto(target);
});

ofSizes("trySend + tryRecv (a copy of each)", (message) => {
	sender.trySend(message);
	return receiver.tryRecv();
});

ofSizes("send + drain (a view of each)", (message) => {
	sender.send(message);
	return receiver.drain(do_not_optimize);
});

ofSizes("loan, send, drain (nothing is copied, and the content is not written)", (message) => {
	sender.loan(message.byteLength)?.send();
	return receiver.drain(do_not_optimize);
});

ofSizes(`sendBatch + drain of ${BATCH} messages`, (message) => {
	sender.sendBatch(Array<Uint8Array>(BATCH).fill(message));
	return receiver.drain(do_not_optimize);
});

group("strings: send + recvInto", () => {
	for (const text of ["x".repeat(16), "ü".repeat(128), "x".repeat(4096)])
		bench(`${text.length.toLocaleString("en")} × "${text[0]}"`, () => {
			sender.send(text);
			return do_not_optimize(receiver.recvInto(target));
		});
});

group("many senders: channel, send + recvInto", () => {
	using stack = new DisposableStack();
	const channelReceiver = stack.use(Channel.receiver("one", { prefix }));
	const channelSender = stack.use(Channel.sender("one", { prefix }));
	const message = new Uint8Array(64);
	const kept = stack.move();
	bench("64 B", () => {
		channelSender.send(message);
		return do_not_optimize(channelReceiver.recvInto(target));
	});
	process.on("exit", () => kept.dispose());
});

group("nothing to do", () => {
	const unconnected: Sender = Route.sender("unconnected", { prefix });
	const full = Route.sender("full", { prefix, capacity: 4096 });
	Route.receiver("full", { prefix });
	while (full.trySend(target.subarray(0, 64)));
	bench("recvInto, empty ring", () => do_not_optimize(receiver.recvInto(target, { timeout: 0 })));
	bench("trySend, full ring", () => do_not_optimize(full.trySend(target.subarray(0, 64))));
	bench("send, no receiver connected", () => do_not_optimize(unconnected.send("x")));
});

group("endpoints", () => {
	bench("open and close a receiver", () => Route.receiver("sizes", { prefix }).close());
});

features(prefix);
latest(prefix);

await run({ colors: process.stdout.isTTY === true });
await latestBesideOthers(prefix);
report("done");
