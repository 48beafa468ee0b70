import { Channel, Route } from "libipc";
import { EndpointGroup, type EndpointProgram, type RoundResult } from "../launcher/endpoint_group.ts";
import { NativeProgram } from "../launcher/native_program.ts";
import { startProgram, type Transport } from "../launcher/start_program.ts";
import { median } from "../statistics/statistics.ts";
import { type Assignment, ENDPOINT_NAME } from "./participant.ts";
import { type Pattern, topology } from "./pattern.ts";

export interface RowOptions {
	readonly pattern: Pattern;
	readonly n: number;
	/** Messages in all, shared among the senders. */
	readonly count: number;
	readonly min: number;
	readonly max: number;
	/** Each endpoint runs in a separate process or Worker. */
	readonly transport: Transport;
	readonly runs: number;
	readonly capacity: number;
}

/** The result of a row, as `--json` writes it. Times are medians over the runs. */
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
 * Each sender sends about so many messages before it is measured: by then the code is compiled to the end, and the pages are
 * mapped. libipc and the baseline warm up alike.
 */
const WARM_UP_MESSAGES = 200_000;
const MIN_WARM_UP_ROUNDS = 3;
const MAX_WARM_UP_ROUNDS = 20;

/** How often the processes of a row are started again, if there are as many runs. */
const STARTS = 5;

let rows = 0;

function startParticipant(
	transport: Transport,
	assignment: Assignment,
	signal: AbortSignal,
): EndpointProgram<Assignment> {
	const program: EndpointProgram<Assignment> = startProgram(transport, {
		name: `${assignment.role} ${assignment.index}`,
		program: new URL("participant.program.ts", import.meta.url),
		signal,
	});
	program.send(assignment);
	return program;
}

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
	const results: RoundResult[] = [];
	const baselines: number[] = [];
	const ratios: number[] = [];
	try {
		// The cores, pages and caches that a process got at its start stay with it: no row depends on a single start.
		for (let start = 0, left = runs; start < STARTS && left > 0; start++) {
			const rounds = Math.ceil(left / (STARTS - start));
			left -= rounds;
			const shared = { kind, prefix, senders, receivers, messagesPerSender, min, max, capacity };
			await using endpoints = await EndpointGroup.start<Assignment>({
				...shared,
				start: (role, index) => startParticipant(transport, { ...shared, role, index }, signal),
			});
			await using baseline = new NativeProgram({
				program: "baseline",
				args: [senders, receivers, sent, min, max, capacity],
				signal,
			});
			for (let i = 0; i < warmUpRounds; i++) {
				await endpoints.round();
				await baseline.round();
			}
			for (let i = 0; i < rounds; i++) {
				const round = await endpoints.round();
				const baselineNs = await baseline.round();
				results.push(round);
				baselines.push(baselineNs);
				ratios.push(round.totalNs / baselineNs);
			}
		}
		const total = (pick: (round: RoundResult) => number) => results.reduce((sum, round) => sum + pick(round), 0);
		const totalNs = median(results.map((round) => round.totalNs));
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
		// Participants that were killed leave their segments.
		(kind === "route" ? Route : Channel).clear(ENDPOINT_NAME, { prefix });
		Channel.clear("start", { prefix });
	}
}
