import { Channel, monotonicNs, type Receiver, Route, type Sender } from "libipc";
import type { RoundReport } from "../launcher/endpoint_group.ts";
import { type Comparer, Workload } from "../workload/workload.ts";

/** The first order: which endpoint to open, and what it sends or receives in each round. */
export interface Assignment {
	readonly role: "sender" | "receiver";
	/** The number of this sender among the senders, or of this receiver among the receivers. */
	readonly index: number;
	readonly kind: "route" | "channel";
	readonly prefix: string;
	readonly senders: number;
	readonly receivers: number;
	readonly messagesPerSender: number;
	readonly capacity: number;
	readonly min: number;
	readonly max: number;
}

/** Longer than any round: a message that has not come by then is lost, and is counted as lost. */
const LOSS_TIMEOUT = { timeout: 10_000 } as const;

export const ENDPOINT_NAME = "bench";

/**
 * A barrier on a channel of libipc: each participant sends "here" and waits for as many messages as there are participants.
 * Without it the time would include how long the order to start takes to reach each process.
 */
class StartBarrier implements Disposable {
	readonly #here: Sender;
	readonly #others: Receiver;
	readonly #count: number;

	constructor(prefix: string, count: number) {
		this.#others = Channel.receiver("start", { prefix });
		this.#here = Channel.sender("start", { prefix });
		this.#count = count;
	}

	wait(): void {
		this.#here.send("here", LOSS_TIMEOUT);
		for (let i = 0; i < this.#count; i++)
			if (this.#others.recv(LOSS_TIMEOUT) === null)
				throw new Error("a participant did not come to the start of the round");
	}

	[Symbol.dispose](): void {
		this.#here.close();
		this.#others.close();
	}
}

function sendAll(sender: Sender, workload: Workload, index: number, count: number): number {
	let refused = 0;
	for (let i = 0; i < count; i++) if (!sender.send(workload.message(index, i), LOSS_TIMEOUT)) refused++;
	return refused;
}

function receiveAll(receiver: Receiver, workload: Workload, count: number): { delivered: number; corrupt: number } {
	const target = workload.target;
	let corrupt = 0;
	for (let delivered = 0; delivered < count; delivered++) {
		const length = receiver.recvInto(target, LOSS_TIMEOUT);
		if (length < 0) return { delivered, corrupt };
		if (!workload.accept(length)) corrupt++;
	}
	return { delivered: count, corrupt };
}

/** An endpoint that sends or receives in each round. */
export class Participant implements Disposable {
	readonly #assignment: Assignment;
	readonly #workload: Workload;
	readonly #endpoint: Sender | Receiver;
	readonly #startBarrier: StartBarrier;

	/** @param compare - How a receiver compares what came with what was sent. */
	constructor(assignment: Assignment, compare: Comparer) {
		const { role, kind, prefix, senders, receivers, min, max, capacity } = assignment;
		this.#assignment = assignment;
		this.#workload = new Workload({ min, max, senders }, compare);
		const factory = kind === "route" ? Route : Channel;
		this.#endpoint =
			role === "sender"
				? factory.sender(ENDPOINT_NAME, { prefix, capacity })
				: factory.receiver(ENDPOINT_NAME, { prefix, capacity });
		this.#startBarrier = new StartBarrier(prefix, senders + receivers);
	}

	round(): RoundReport {
		const { index, messagesPerSender, senders } = this.#assignment;
		const endpoint = this.#endpoint;
		this.#workload.restart();
		this.#startBarrier.wait();
		if ("send" in endpoint) {
			const atNs = monotonicNs();
			return { atNs, delivered: 0, corrupt: sendAll(endpoint, this.#workload, index, messagesPerSender) };
		}
		const counts = receiveAll(endpoint, this.#workload, messagesPerSender * senders);
		return { atNs: monotonicNs(), ...counts };
	}

	[Symbol.dispose](): void {
		this.#endpoint.close();
		this.#startBarrier[Symbol.dispose]();
	}
}
