/**
 * One of the two processes of libipc's ping-pong. Two routes carry it: `ping` there, `pong` back. On a single channel
 * each side would get its own messages too.
 */
import { monotonicNs, type Receiver, Route, type Sender } from "@libipc/core";
import { MESSAGE_BYTES, PingMessage } from "./ping_message.ts";

export const PING = "ping";
export const PONG = "pong";

/** "block": recvInto waits. "poll": recvInto with timeout 0, over and over. */
export type Receiving = "block" | "poll";

export interface Rally {
	readonly prefix: string;
	readonly receiving: Receiving;
	/** Measured rounds. */
	readonly rounds: number;
	/** Rounds before them, without pauses: the code is compiled by then. */
	readonly warmUpRounds: number;
	/**
	 * 0: no pauses. Else the pinger pauses before each message and the ponger before each answer, so that the other
	 * side has given up spinning and sleeps when the message comes.
	 */
	readonly pauseMs: number;
}

export type Role = "pinger" | "ponger";

/** Of each measured round, in nanoseconds: from send to echo (pinger), or how long the answer was held (ponger). */
export type RallyTimes = Float64Array;

/** Longer than any round: a message that has not come by then is lost. */
const PATIENCE = { timeout: 10_000 } as const;
const NOW = { timeout: 0 } as const;
/** Reading the clock on every poll would be measured too. */
const POLLS_BEFORE_LOOK = 1 << 16;

/** Puts the next message into `target`. */
type Receive = (receiver: Receiver, target: Uint8Array) => void;

function block(receiver: Receiver, target: Uint8Array): void {
	checkLength(receiver.recvInto(target, PATIENCE));
}

function poll(receiver: Receiver, target: Uint8Array): void {
	let length = receiver.recvInto(target, NOW);
	if (length < 0) {
		let deadline = 0;
		for (let polls = 1; length < 0; polls++) {
			length = receiver.recvInto(target, NOW);
			if (polls % POLLS_BEFORE_LOOK !== 0) continue;
			const now = monotonicNs();
			deadline ||= now + PATIENCE.timeout * 1e6;
			if (now > deadline) break;
		}
	}
	checkLength(length);
}

function checkLength(length: number): void {
	if (length === MESSAGE_BYTES) return;
	throw new Error(length < 0 ? "a message of the ping-pong was lost" : `a message of ${length} bytes came back`);
}

function send(sender: Sender, bytes: Uint8Array): void {
	if (!sender.send(bytes)) throw new Error("the other side of the ping-pong is gone");
}

/** Plays one side to the end. Throws when a message was lost or an echo is not what was sent. */
export function play(role: Role, rally: Rally): RallyTimes {
	const { prefix, receiving } = rally;
	const [out, back] = role === "pinger" ? [PING, PONG] : [PONG, PING];
	using receiver = Route.receiver(back, { prefix });
	using sender = Route.sender(out, { prefix });
	if (!sender.waitForReceivers(1, PATIENCE)) throw new Error("the other side of the ping-pong did not come");
	const receive = receiving === "poll" ? poll : block;
	return role === "pinger" ? ping(sender, receiver, receive, rally) : pong(sender, receiver, receive, rally);
}

function ping(
	sender: Sender,
	receiver: Receiver,
	receive: Receive,
	{ rounds, warmUpRounds, pauseMs }: Rally,
): RallyTimes {
	const times = new Float64Array(rounds);
	const message = new PingMessage();
	const target = new Uint8Array(MESSAGE_BYTES);
	const echo = new Uint32Array(target.buffer);
	for (let round = -warmUpRounds; round < rounds; round++) {
		if (pauseMs > 0 && round >= 0) Bun.sleepSync(pauseMs);
		message.write(round);
		const start = monotonicNs();
		send(sender, message.bytes);
		receive(receiver, target);
		const time = monotonicNs() - start;
		if (!message.equals(echo)) throw new Error(`the echo of round ${round} is not what was sent`);
		if (round >= 0) times[round] = time;
	}
	return times;
}

function pong(
	sender: Sender,
	receiver: Receiver,
	receive: Receive,
	{ rounds, warmUpRounds, pauseMs }: Rally,
): RallyTimes {
	const held = new Float64Array(rounds);
	const target = new Uint8Array(MESSAGE_BYTES);
	for (let round = -warmUpRounds; round < rounds; round++) {
		receive(receiver, target);
		if (pauseMs > 0 && round >= 0) {
			const start = monotonicNs();
			Bun.sleepSync(pauseMs);
			held[round] = monotonicNs() - start;
		}
		send(sender, target);
	}
	return held;
}
