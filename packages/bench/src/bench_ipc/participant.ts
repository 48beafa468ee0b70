/**
 * One end of a benchmark row: a process or a Worker that opens an endpoint, then runs rounds when told to. Started by
 * crew.ts, which talks to it through {@link Order} and {@link Report}.
 */

import { Channel, monotonicNs, type Receiver, Route, type Sender } from "@libipc/core";
import { byMemcmp } from "../workload/memcmp.ts";
import { type Workload, Workload as WorkloadOf } from "../workload/workload.ts";

/** What a participant is to do; sent once, first. */
export interface Assignment {
	readonly role: "sender" | "receiver";
	/** Which of the senders, or of the receivers. */
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

/** "round": run one round and report. "leave": close everything and end. */
export type Order = { readonly assignment: Assignment } | "round" | "leave";

/** "ready": the endpoint is open. Else what a round came to. */
export type Report = "ready" | RoundReport | { readonly error: string };

export interface RoundReport {
	/** When the first send began (sender) or the last message was there (receiver), on the machine's clock. */
	readonly atNs: number;
	/** Messages that a receiver got; 0 from a sender. */
	readonly delivered: number;
	/** Messages that were not the one expected, to the last bit; a sender's are those it could not send. */
	readonly corrupt: number;
}

/** Longer than any round: a message that has not come by then is lost, and is counted as such. */
const PATIENCE = { timeout: 10_000 } as const;

export const ENDPOINT_NAME = "bench";

/**
 * A barrier made of what is measured: everybody says "here" on a channel and waits until all have. Without it the time
 * would include how long the orders to start took to reach each process.
 */
class StartLine implements Disposable {
	readonly #here: Sender;
	readonly #others: Receiver;
	readonly #count: number;

	constructor(prefix: string, count: number) {
		this.#others = Channel.receiver("start", { prefix });
		this.#here = Channel.sender("start", { prefix });
		this.#count = count;
	}

	wait(): void {
		this.#here.send("here", PATIENCE);
		for (let i = 0; i < this.#count; i++)
			if (this.#others.recv(PATIENCE) === null)
				throw new Error("a participant of this round did not come to the start");
	}

	[Symbol.dispose](): void {
		this.#here.close();
		this.#others.close();
	}
}

function sendAll(sender: Sender, workload: Workload, index: number, count: number): number {
	let refused = 0;
	for (let i = 0; i < count; i++) if (!sender.send(workload.message(index, i), PATIENCE)) refused++;
	return refused;
}

function receiveAll(receiver: Receiver, workload: Workload, count: number): { delivered: number; corrupt: number } {
	const target = workload.target;
	let corrupt = 0;
	for (let delivered = 0; delivered < count; delivered++) {
		const length = receiver.recvInto(target, PATIENCE);
		if (length < 0) return { delivered, corrupt };
		if (!workload.accept(length)) corrupt++;
	}
	return { delivered: count, corrupt };
}

export class Participant implements Disposable {
	readonly #assignment: Assignment;
	readonly #workload: Workload;
	readonly #endpoint: Sender | Receiver;
	readonly #startLine: StartLine;

	constructor(assignment: Assignment) {
		const { role, kind, prefix, senders, receivers, min, max, capacity } = assignment;
		this.#assignment = assignment;
		this.#workload = new WorkloadOf({ min, max, senders }, byMemcmp);
		const factory = kind === "route" ? Route : Channel;
		this.#endpoint =
			role === "sender"
				? factory.sender(ENDPOINT_NAME, { prefix, capacity })
				: factory.receiver(ENDPOINT_NAME, { prefix, capacity });
		this.#startLine = new StartLine(prefix, senders + receivers);
	}

	round(): RoundReport {
		const { index, messagesPerSender, senders } = this.#assignment;
		const endpoint = this.#endpoint;
		this.#workload.restart();
		this.#startLine.wait();
		if ("send" in endpoint) {
			const atNs = monotonicNs();
			return { atNs, delivered: 0, corrupt: sendAll(endpoint, this.#workload, index, messagesPerSender) };
		}
		const counts = receiveAll(endpoint, this.#workload, messagesPerSender * senders);
		return { atNs: monotonicNs(), ...counts };
	}

	[Symbol.dispose](): void {
		this.#endpoint.close();
		this.#startLine[Symbol.dispose]();
	}
}

/** Runs a participant on whatever carries its orders and reports. */
export function serve(report: (report: Report) => void, end: () => void): (order: Order) => void {
	let participant: Participant | undefined;
	return (order) => {
		try {
			if (order === "leave") {
				participant?.[Symbol.dispose]();
				end();
			} else if (order === "round") {
				if (!participant) throw new Error("a round was ordered before the assignment");
				report(participant.round());
			} else {
				participant = new Participant(order.assignment);
				report("ready");
			}
		} catch (error) {
			report({ error: error instanceof Error ? error.message : String(error) });
		}
	};
}
