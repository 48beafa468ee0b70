import { Channel, Mutex, monotonicNs } from "libipc";

/** The internal command that is the second process of the self-test. */
export const PEER = "doctor-peer";

/** What the first process asks for; a message is the index. */
export const peerOrders = ["echo", "count", "counted", "later", "lock"] as const;

export type PeerOrder = (typeof peerOrders)[number];

const LATER_MS = 20;

/** Answers until it is killed, or the first process has left. */
export function answerOrders(prefix: string): void {
	const answers = Channel.sender("answers", { prefix });
	const orders = Channel.receiver("orders", { prefix });
	let lock: Mutex | undefined;
	let count = 0;
	const target = new Uint8Array(64);
	for (;;) {
		if (orders.recvInto(target, { timeout: 1000 }) < 0) {
			if (answers.receiverCount === 0) return;
			continue;
		}
		const order = peerOrders[target[0] ?? 0];
		if (order === "count") count++;
		else if (order === "counted") answers.send(Float64Array.of(count));
		else if (order === "lock") {
			lock = Mutex.open("lock", { prefix });
			lock.lock();
			answers.send("locked");
		} else if (order === "later") {
			// The first process has gone to its event loop by then.
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LATER_MS);
			answers.send(Float64Array.of(monotonicNs()));
		} else answers.send("echo");
	}
}
