import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type Pattern, topology } from "../bench_ipc/pattern.ts";
import {
	EndpointGroup,
	type EndpointOrder,
	type EndpointReport,
	type RoundResult,
} from "../launcher/endpoint_group.ts";
import { WorkerProgram } from "../launcher/worker_program.ts";
import { median } from "../statistics/statistics.ts";
import type { ThreadAssignment } from "./endpoint.program.ts";
import type { ThreadTransport } from "./thread_transport.ts";

export interface ThreadRowOptions {
	readonly pattern: Pattern;
	readonly n: number;
	/** Messages of libipc in all, shared among the senders. */
	readonly count: number;
	readonly min: number;
	readonly max: number;
	readonly runs: number;
	readonly capacity: number;
	readonly transports: readonly ThreadTransport[];
}

/** One transport in a row. Times are medians over the runs. */
export interface ThreadCell {
	readonly transport: ThreadTransport;
	readonly nsPerMessage: number;
	/** Over all runs and receivers. */
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
}

export interface ThreadRow {
	readonly pattern: Pattern;
	readonly n: number;
	readonly cells: readonly ThreadCell[];
}

/**
 * The share of the messages that each transport carries. A posted message takes microseconds, and all of them are in memory
 * at once: fewer are enough, as the figure is per message.
 */
const SHARE = { sab: 1, native: 1, MessagePort: 0.2, BroadcastChannel: 0.1 } as const;

/** After these the code is compiled to the end. */
const WARM_UP_ROUNDS = 3;

let rows = 0;

type SharedAssignment = Omit<ThreadAssignment, "role" | "index" | "ports" | "startBarrier" | "starters"> & {
	readonly receivers: number;
};

/** One port for each sender and receiver that are connected, in a list for each of them. */
function connect(senders: number, receivers: number): { sender: MessagePort[][]; receiver: MessagePort[][] } {
	const sender = Array.from({ length: senders }, (): MessagePort[] => []);
	const receiver = Array.from({ length: receivers }, (): MessagePort[] => []);
	for (const from of sender)
		for (const to of receiver) {
			const { port1, port2 } = new MessageChannel();
			from.push(port1);
			to.push(port2);
		}
	return { sender, receiver };
}

/** The threads of one transport. */
function startThreads(shared: SharedAssignment, signal: AbortSignal): Promise<EndpointGroup<ThreadAssignment>> {
	const { transport, senders, receivers } = shared;
	const ports = transport === "MessagePort" ? connect(senders, receivers) : undefined;
	const startBarrier = new Int32Array(new SharedArrayBuffer(8));
	// In Bun the package chooses the engine; see libipc_transport.ts.
	const chooses = !process.versions.bun && (transport === "native" || transport === "sab");
	const env = chooses ? { ...process.env, LIBIPC_ENGINE: transport } : process.env;
	return EndpointGroup.start({
		...shared,
		start(role, index) {
			const program = new WorkerProgram<EndpointOrder<ThreadAssignment>, EndpointReport>({
				name: `${role} ${index} by ${transport}`,
				program: new URL("endpoint.program.ts", import.meta.url),
				signal,
				env,
			});
			const own = ports?.[role][index] ?? [];
			program.send({ ...shared, role, index, ports: own, startBarrier, starters: senders + receivers }, own);
			return program;
		},
	});
}

/** Measures one row: all transports take turns, round by round. */
export async function measureThreadRow(options: ThreadRowOptions, signal: AbortSignal): Promise<ThreadRow> {
	const { pattern, n, count, runs, transports, ...shared } = options;
	const { kind, senders, receivers } = topology(pattern, n);
	const prefix = `threads${process.pid}.${rows++}.`;
	const groups: {
		transport: ThreadTransport;
		threads: EndpointGroup<ThreadAssignment>;
		sent: number;
		rounds: RoundResult[];
	}[] = [];
	try {
		for (const transport of transports) {
			const messagesPerSender = Math.max(1, Math.floor((count * SHARE[transport]) / senders));
			const threads = await startThreads(
				{ ...shared, transport, kind, prefix: prefix + transport, senders, receivers, messagesPerSender },
				signal,
			);
			groups.push({ transport, threads, sent: messagesPerSender * senders, rounds: [] });
		}
		for (let run = -WARM_UP_ROUNDS; run < runs; run++)
			for (const { threads, rounds } of groups) {
				const round = await threads.round();
				if (run >= 0 || round.delivered !== round.expected || round.corrupt > 0) rounds.push(round);
			}
	} finally {
		// Not `using`: Node 22 runs this file.
		for (const { threads } of groups) await threads[Symbol.asyncDispose]();
		// Workers that were terminated leave the segments of the native engine.
		if (transports.includes("native")) {
			const { Route, Channel } = await import("libipc");
			(kind === "route" ? Route : Channel).clear("bench", { prefix: `${prefix}native` });
		}
	}
	const cells = groups.map(({ transport, sent, rounds }): ThreadCell => {
		const total = (pick: (round: RoundResult) => number) => rounds.reduce((sum, round) => sum + pick(round), 0);
		return {
			transport,
			nsPerMessage: median(rounds.map(({ totalNs }) => totalNs)) / sent,
			delivered: total(({ delivered }) => delivered),
			expected: total(({ expected }) => expected),
			corrupt: total(({ corrupt }) => corrupt),
		};
	});
	return { pattern, n, cells };
}
