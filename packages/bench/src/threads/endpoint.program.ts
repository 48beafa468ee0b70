/** One end of a row between threads, in a Worker. */
import type { MessagePort } from "node:worker_threads";
import { monotonicNs } from "@libipc/compat";
import type { EndpointOrder, EndpointReport, RoundReport } from "../launcher/endpoint_group.ts";
import { serve } from "../launcher/started.ts";
import { byWords } from "../workload/compare_words.ts";
import { Workload } from "../workload/workload.ts";
import { type EndpointPlace, openReceiver, openSender } from "./libipc_transport.ts";
import { broadcastReceiver, broadcastSender, portReceiver, portSender } from "./posted_transport.ts";
import type { ReceivingEnd, SendingEnd, ThreadTransport } from "./thread_transport.ts";

/** The first order: which end to open, and what it sends or receives in each round. */
export interface ThreadAssignment extends EndpointPlace {
	readonly transport: ThreadTransport;
	readonly role: "sender" | "receiver";
	readonly index: number;
	readonly senders: number;
	readonly messagesPerSender: number;
	readonly min: number;
	readonly max: number;
	/** Of MessagePort: one for each end on the other side. */
	readonly ports: readonly MessagePort[];
	/** Two words: how many threads have come to the start, and the number of the start. */
	readonly startBarrier: Int32Array;
	/** How many threads start together. */
	readonly starters: number;
}

function openSending(assignment: ThreadAssignment): Promise<SendingEnd> | SendingEnd {
	const { transport, ports, prefix } = assignment;
	if (transport === "MessagePort") return portSender(ports);
	if (transport === "BroadcastChannel") return broadcastSender(prefix);
	return openSender(transport, assignment);
}

function openReceiving(assignment: ThreadAssignment): Promise<ReceivingEnd> | ReceivingEnd {
	const { transport, ports, prefix } = assignment;
	if (transport === "MessagePort") return portReceiver(ports);
	if (transport === "BroadcastChannel") return broadcastReceiver(prefix);
	return openReceiver(transport, assignment);
}

/** The last thread that comes starts all. A thread that receives by events does not wait: early messages are kept. */
function start({ startBarrier, starters }: ThreadAssignment, waits: boolean): void {
	const round = Atomics.load(startBarrier, 1);
	if (Atomics.add(startBarrier, 0, 1) + 1 === starters) {
		Atomics.store(startBarrier, 0, 0);
		Atomics.add(startBarrier, 1, 1);
		Atomics.notify(startBarrier, 1);
	} else if (waits) Atomics.wait(startBarrier, 1, round);
}

interface Endpoint {
	round(): RoundReport | Promise<RoundReport>;
	close(): void;
}

async function open(assignment: ThreadAssignment): Promise<Endpoint> {
	const { transport, role, index, senders, messagesPerSender, min, max } = assignment;
	const workload = new Workload({ min, max, senders }, byWords);
	if (role === "sender") {
		const end = await openSending(assignment);
		return {
			round() {
				start(assignment, true);
				const atNs = monotonicNs();
				for (let i = 0; i < messagesPerSender; i++) end.send(workload.message(index, i));
				return { atNs, delivered: 0, corrupt: 0 };
			},
			close: () => end.close(),
		};
	}
	const takesEvents = transport === "MessagePort" || transport === "BroadcastChannel";
	const end = await openReceiving(assignment);
	return {
		async round() {
			let delivered = 0;
			let corrupt = 0;
			workload.restart();
			const take = (length: number): void => {
				delivered++;
				if (!workload.accept(length)) corrupt++;
			};
			start(assignment, !takesEvents);
			await end.receive(messagesPerSender * senders, workload.target, take);
			return { atNs: monotonicNs(), delivered, corrupt };
		},
		close: () => end.close(),
	};
}

let endpoint: Endpoint | undefined;
serve<EndpointOrder<ThreadAssignment>, EndpointReport>(
	async (order) => {
		if (order !== "round") {
			endpoint = await open(order);
			return "ready";
		}
		if (!endpoint) throw new Error("a round was ordered before the assignment");
		return await endpoint.round();
	},
	() => endpoint?.close(),
);
