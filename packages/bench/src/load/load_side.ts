/** One of the two processes that measure libipc at an offered load. */
import { monotonicNs, Route } from "libipc";
import { LOSS_TIMEOUT, type Receiving, receives } from "../latency/receive.ts";
import { LoadMessage } from "./load_message.ts";
import { warmUpOf } from "./offer.ts";

export const ROUTE = "load";

export interface Load {
	readonly prefix: string;
	readonly receiving: Receiving;
	/** Nanoseconds from one message to the next; 0: as fast as possible. */
	readonly gapNs: number;
	/** Measured messages. */
	readonly count: number;
}

export type LoadOrder = { readonly side: "sender" | "receiver"; readonly load: Load };

/** Of the receiver: nanoseconds of each measured message. Of the sender: one value, the nanoseconds from message to message. */
export type LoadReport = Float64Array;

/** Messages before everything else, with short gaps: the code of messages and of gaps is compiled then, which takes some 100 ms. */
const COMPILING = 150_000;
const COMPILING_GAP_NS = 2000;
/** After them, until the receiver has read what is left, and waits. */
const SETTLE_NS = 20e6;

/** Runs one side to its end. Throws if a message is lost or is not what was sent. */
export function runSide({ side, load }: LoadOrder): LoadReport {
	return side === "sender" ? sendAll(load) : receiveAll(load);
}

function sendAll({ prefix, gapNs, count }: Load): LoadReport {
	using sender = Route.sender(ROUTE, { prefix });
	if (!sender.waitForReceivers(1, LOSS_TIMEOUT)) throw new Error("the receiver did not start");
	const message = new LoadMessage();
	let sequence = 0;
	const send = (due: number): void => {
		message.write(sequence++, due);
		if (!sender.send(message.bytes)) throw new Error("the receiver has ended");
	};
	/** Sends messages at a load, and returns when the first one was due. */
	const offer = (messages: number, gap: number, start: number): number => {
		let first = 0;
		for (let i = 0; i < messages; i++) {
			const scheduled = start + i * gap;
			let now = monotonicNs();
			while (now < scheduled) now = monotonicNs();
			const due = gap > 0 ? scheduled : now;
			if (i === 0) first = due;
			send(due);
		}
		return first;
	};
	offer(COMPILING, COMPILING_GAP_NS, monotonicNs());
	const warmUp = warmUpOf(count);
	const start = monotonicNs() + SETTLE_NS;
	offer(warmUp, gapNs, start);
	const first = offer(count, gapNs, start + warmUp * gapNs);
	return Float64Array.of((monotonicNs() - first) / count);
}

function receiveAll({ prefix, receiving, count }: Load): LoadReport {
	using receiver = Route.receiver(ROUTE, { prefix });
	const receive = receives[receiving];
	const times = new Float64Array(count);
	const message = new LoadMessage();
	const unmeasured = COMPILING + warmUpOf(count);
	for (let sequence = 0; sequence < unmeasured + count; sequence++) {
		receive(receiver, message.bytes);
		const time = monotonicNs() - message.due;
		if (!message.isNext(sequence)) throw new Error(`message ${sequence} is not what was sent`);
		if (sequence >= unmeasured) times[sequence - unmeasured] = time;
	}
	return times;
}
