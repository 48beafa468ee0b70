import { type Pattern, topology } from "../bench_ipc/pattern.ts";
import { median } from "../statistics/statistics.ts";
import { ThreadCrew, type ThreadRound } from "./thread_group.ts";
import type { Transport } from "./transport.ts";

export interface ThreadRowOptions {
	readonly pattern: Pattern;
	readonly n: number;
	/** Messages of libipc in all, shared among the senders. */
	readonly count: number;
	readonly min: number;
	readonly max: number;
	readonly runs: number;
	readonly capacity: number;
	readonly transports: readonly Transport[];
	/** What `LIBIPC_ENGINE` is to be set to is added. */
	readonly env: NodeJS.ProcessEnv;
}

/** One way in a row. Times are medians over the runs. */
export interface ThreadCell {
	readonly transport: Transport;
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

/** What is posted takes microseconds a message and keeps them all in memory: fewer do, and the figure is per message. */
const POSTED_SHARE = { sab: 1, native: 1, MessagePort: 0.2, BroadcastChannel: 0.1 } as const;

/** Enough for the code to be compiled to the end. */
const WARM_UP_ROUNDS = 3;

let rows = 0;

/** Measures one row: all ways take turns, round by round. */
export async function measureThreadRow(options: ThreadRowOptions): Promise<ThreadRow> {
	const { pattern, n, count, runs, env, transports, ...shared } = options;
	const { kind, senders, receivers } = topology(pattern, n);
	const prefix = `threads${process.pid}.${rows++}.`;
	const crews: { transport: Transport; crew: ThreadCrew; sent: number; rounds: ThreadRound[] }[] = [];
	try {
		for (const transport of transports) {
			const messagesPerSender = Math.max(1, Math.floor((count * POSTED_SHARE[transport]) / senders));
			const crew = await ThreadCrew.start(
				{ ...shared, transport, kind, prefix: prefix + transport, senders, receivers, messagesPerSender },
				transport === "native" || transport === "sab" ? { ...env, LIBIPC_ENGINE: transport } : env,
			);
			crews.push({ transport, crew, sent: messagesPerSender * senders, rounds: [] });
		}
		for (let run = -WARM_UP_ROUNDS; run < runs; run++)
			for (const { crew, rounds } of crews) {
				const round = await crew.round();
				if (run >= 0 || round.delivered !== round.expected || round.corrupt > 0) rounds.push(round);
			}
		for (const { crew } of crews) await crew.leave();
	} catch (error) {
		for (const { crew } of crews) await crew.kill();
		throw error;
	}
	const cells = crews.map(({ transport, sent, rounds }): ThreadCell => {
		const total = (pick: (round: ThreadRound) => number) => rounds.reduce((sum, round) => sum + pick(round), 0);
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
