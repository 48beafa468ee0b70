/** One end of a row in a thread of its own: opens it, then runs rounds when told to. Started by thread_crew.ts. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { monotonicNs } from "@libipc/compat";
import { byWords } from "../workload/compare_words.ts";
import { Workload } from "../workload/workload.ts";
import { openReceiver, openSender, type Place } from "./libipc_ends.ts";
import { broadcastReceiver, broadcastSender, portReceiver, portSender } from "./posted_ends.ts";
import type { ReceivingEnd, SendingEnd, Transport } from "./transport.ts";

export interface ThreadAssignment extends Place {
	readonly transport: Transport;
	readonly role: "sender" | "receiver";
	readonly index: number;
	readonly senders: number;
	readonly messagesPerSender: number;
	readonly min: number;
	readonly max: number;
	/** Of MessagePort: one for each on the other side. */
	readonly ports: readonly MessagePort[];
	/** Two words: how many have come to the start, and which start it is. */
	readonly startLine: Int32Array;
	/** How many start together. */
	readonly starters: number;
}

export type ThreadOrder = "round" | "leave";

export interface ThreadReport {
	/** When the first send began, or the last message was there. */
	readonly atNs: number;
	readonly delivered: number;
	readonly corrupt: number;
}

const assignment = workerData as ThreadAssignment;
const { transport, role, index, senders, messagesPerSender, min, max, ports, startLine, starters } = assignment;
const port = parentPort as MessagePort;
const workload = new Workload({ min, max, senders }, byWords);

function openSending(): Promise<SendingEnd> | SendingEnd {
	if (transport === "MessagePort") return portSender(ports);
	if (transport === "BroadcastChannel") return broadcastSender(assignment.prefix);
	return openSender(transport, assignment);
}

function openReceiving(): Promise<ReceivingEnd> | ReceivingEnd {
	if (transport === "MessagePort") return portReceiver(ports);
	if (transport === "BroadcastChannel") return broadcastReceiver(assignment.prefix);
	return openReceiver(transport, assignment);
}

/** The last to come starts all. Who receives by events does not wait: what comes early is kept. */
function start(waits: boolean): void {
	const round = Atomics.load(startLine, 1);
	if (Atomics.add(startLine, 0, 1) + 1 === starters) {
		Atomics.store(startLine, 0, 0);
		Atomics.add(startLine, 1, 1);
		Atomics.notify(startLine, 1);
	} else if (waits) Atomics.wait(startLine, 1, round);
}

function takesEvents(): boolean {
	return transport === "MessagePort" || transport === "BroadcastChannel";
}

async function makeRound(): Promise<() => Promise<ThreadReport>> {
	if (role === "sender") {
		const end = await openSending();
		closing = () => end.close();
		return async () => {
			start(true);
			const atNs = monotonicNs();
			for (let i = 0; i < messagesPerSender; i++) end.send(workload.message(index, i));
			return { atNs, delivered: 0, corrupt: 0 };
		};
	}
	const end = await openReceiving();
	closing = () => end.close();
	return async () => {
		let delivered = 0;
		let corrupt = 0;
		workload.restart();
		const take = (length: number): void => {
			delivered++;
			if (!workload.accept(length)) corrupt++;
		};
		start(!takesEvents());
		await end.receive(messagesPerSender * senders, workload.target, take);
		return { atNs: monotonicNs(), delivered, corrupt };
	};
}

let closing = (): void => {};
const round = await makeRound();

port.on("message", async (order: ThreadOrder) => {
	if (order === "round") {
		port.postMessage(await round());
		return;
	}
	closing();
	port.close();
});
port.postMessage("ready");
