/**
 * One of the two processes of libipc's ping-pong. It uses two routes: `ping` there, `pong` back. On a single channel each
 * side would also get its own messages.
 */
import { monotonicNs, type Receiver, Route, type Sender } from "libipc";
import { MESSAGE_BYTES, PingMessage } from "./ping_message.ts";
import { LOSS_TIMEOUT, type Receive, type Receiving, receives } from "./receive.ts";

export const PING = "ping";
export const PONG = "pong";

export interface PingPong {
	readonly prefix: string;
	readonly receiving: Receiving;
	/** Measured rounds. */
	readonly rounds: number;
	/** Rounds before the measured ones, without pauses: the code is then compiled. */
	readonly warmUpRounds: number;
	/**
	 * 0: no pauses. Otherwise each side pauses before it sends, so that the other side no longer spins but sleeps when the
	 * message comes.
	 */
	readonly pauseMs: number;
}

export type Side = "ping" | "echo";

export interface SideOrder {
	readonly side: Side;
	readonly pingPong: PingPong;
}

function send(sender: Sender, bytes: Uint8Array): void {
	if (!sender.send(bytes)) throw new Error("the other side of the ping-pong has ended");
}

/**
 * Runs one side to its end and answers nanoseconds of each measured round: from send to echo ("ping"), or how long the
 * answer was held ("echo"). Throws when a message was lost or an echo differs from what was sent.
 */
export function runSide(side: Side, pingPong: PingPong): Float64Array {
	const { prefix, receiving } = pingPong;
	const [out, back] = side === "ping" ? [PING, PONG] : [PONG, PING];
	using receiver = Route.receiver(back, { prefix });
	using sender = Route.sender(out, { prefix });
	if (!sender.waitForReceivers(1, LOSS_TIMEOUT)) throw new Error("the other side of the ping-pong did not start");
	const receive = receives[receiving];
	const run = side === "ping" ? ping : echo;
	return run(sender, receiver, receive, pingPong);
}

function ping(
	sender: Sender,
	receiver: Receiver,
	receive: Receive,
	{ rounds, warmUpRounds, pauseMs }: PingPong,
): Float64Array {
	const times = new Float64Array(rounds);
	const message = new PingMessage();
	const target = new Uint8Array(MESSAGE_BYTES);
	const answer = new Uint32Array(target.buffer);
	for (let round = -warmUpRounds; round < rounds; round++) {
		if (pauseMs > 0 && round >= 0) Bun.sleepSync(pauseMs);
		message.write(round);
		const start = monotonicNs();
		send(sender, message.bytes);
		receive(receiver, target);
		const time = monotonicNs() - start;
		if (!message.equals(answer)) throw new Error(`the echo of round ${round} is not what was sent`);
		if (round >= 0) times[round] = time;
	}
	return times;
}

function echo(
	sender: Sender,
	receiver: Receiver,
	receive: Receive,
	{ rounds, warmUpRounds, pauseMs }: PingPong,
): Float64Array {
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
