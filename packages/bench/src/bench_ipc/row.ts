import { Channel, Route } from "@libipc/core";
import { BaselineProgram } from "../launcher/baseline_program.ts";
import { median } from "../statistics/statistics.ts";
import { ENDPOINT_NAME } from "./participant.ts";
import { Crew, type Round, type Transport } from "./participant_group.ts";
import { type Pattern, topology } from "./pattern.ts";

export interface RowOptions {
	readonly pattern: Pattern;
	readonly n: number;
	/** Messages in all, shared among the senders. */
	readonly count: number;
	readonly min: number;
	readonly max: number;
	readonly transport: Transport;
	readonly runs: number;
	readonly capacity: number;
}

/** What a row of the table came to: as `--json` writes it. Times are medians over the runs. */
export interface Row {
	readonly pattern: Pattern;
	readonly n: number;
	/** Messages sent in each run, over all senders. */
	readonly count: number;
	readonly totalMs: number;
	readonly usPerMessage: number;
	/** Over all runs and receivers. */
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
	readonly baselineNsPerMessage: number;
	/** Median over the runs of (the time of libipc ÷ the time of the baseline right after it). */
	readonly ratioToBaseline: number;
}

/**
 * Before it is measured, each sender has sent about so many messages: by then the code is compiled to the end, and the
 * pages are there. Both programs warm up alike.
 */
const WARM_UP_MESSAGES = 200_000;
const MIN_WARM_UP_ROUNDS = 3;
const MAX_WARM_UP_ROUNDS = 20;

/** How often the processes of a row are started anew, if there are as many runs. */
const STARTS = 5;

let rows = 0;

/** Measures one row: rounds of libipc and of the baseline take turns. */
export async function measureRow(options: RowOptions, signal: AbortSignal): Promise<Row> {
	const { pattern, n, count, min, max, transport, runs, capacity } = options;
	const { kind, senders, receivers } = topology(pattern, n);
	const messagesPerSender = Math.floor(count / senders);
	const sent = messagesPerSender * senders;
	const warmUpRounds = Math.min(
		MAX_WARM_UP_ROUNDS,
		Math.max(MIN_WARM_UP_ROUNDS, Math.ceil(WARM_UP_MESSAGES / messagesPerSender)),
	);
	const prefix = `bench${process.pid}.${rows++}`;
	const ours: Round[] = [];
	const baselines: number[] = [];
	const ratios: number[] = [];
	try {
		// How a process was placed (cores, pages, caches) stays with it for life: several starts, so that no row hangs on one.
		for (let start = 0, left = runs; start < STARTS && left > 0; start++) {
			const rounds = Math.ceil(left / (STARTS - start));
			left -= rounds;
			await using crew = await Crew.start(
				{ transport, kind, prefix, senders, receivers, messagesPerSender, min, max, capacity },
				signal,
			);
			await using baseline = new BaselineProgram(
				{ senders, receivers, count: sent, min, max, ringBytes: capacity },
				signal,
			);
			for (let i = 0; i < warmUpRounds; i++) {
				await crew.round();
				await baseline.round();
			}
			for (let i = 0; i < rounds; i++) {
				const round = await crew.round();
				const baselineNs = await baseline.round();
				ours.push(round);
				baselines.push(baselineNs);
				ratios.push(round.totalNs / baselineNs);
			}
		}
		const total = (pick: (round: Round) => number) => ours.reduce((sum, round) => sum + pick(round), 0);
		const totalNs = median(ours.map((round) => round.totalNs));
		return {
			pattern,
			n,
			count: sent,
			totalMs: totalNs / 1e6,
			usPerMessage: totalNs / 1e3 / sent,
			delivered: total((round) => round.delivered),
			expected: total((round) => round.expected),
			corrupt: total((round) => round.corrupt),
			baselineNsPerMessage: median(baselines) / sent,
			ratioToBaseline: median(ratios),
		};
	} finally {
		// After an interruption killed participants leave their segments to whoever comes next: nobody will.
		(kind === "route" ? Route : Channel).clear(ENDPOINT_NAME, { prefix });
		Channel.clear("start", { prefix });
	}
}
