import { monotonicNs, type Receiver } from "libipc";
import { MESSAGE_BYTES } from "./ping_message.ts";

/** "block": recvInto waits. "poll": recvInto with timeout 0, repeated. */
export type Receiving = "block" | "poll";

/** Longer than any wait: a message that has not come by then is lost. */
export const LOSS_TIMEOUT = { timeout: 10_000 } as const;
const NOW = { timeout: 0 } as const;
/** A read of the clock at every poll would be measured too. */
const POLLS_PER_CLOCK_READ = 1 << 16;

/** Puts the next message, of {@link MESSAGE_BYTES}, into `target`. Throws if it is lost. */
export type Receive = (receiver: Receiver, target: Uint8Array) => void;

export const receives: Record<Receiving, Receive> = { block, poll };

function block(receiver: Receiver, target: Uint8Array): void {
	checkLength(receiver.recvInto(target, LOSS_TIMEOUT));
}

function poll(receiver: Receiver, target: Uint8Array): void {
	let length = receiver.recvInto(target, NOW);
	if (length < 0) {
		let deadline = 0;
		for (let polls = 1; length < 0; polls++) {
			length = receiver.recvInto(target, NOW);
			if (polls % POLLS_PER_CLOCK_READ !== 0) continue;
			const now = monotonicNs();
			deadline ||= now + LOSS_TIMEOUT.timeout * 1e6;
			if (now > deadline) break;
		}
	}
	checkLength(length);
}

function checkLength(length: number): void {
	if (length === MESSAGE_BYTES) return;
	throw new Error(length < 0 ? "a message was lost" : `a message of ${length} bytes came`);
}
