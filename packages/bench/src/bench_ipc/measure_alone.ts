import type { EndpointProgram, RoundResult } from "../launcher/endpoint_group.ts";
import { median } from "../statistics/statistics.ts";
import type { Assignment } from "./participant.ts";
import { clearEndpoints, planOf, type RowSize, startEndpoints } from "./row_endpoints.ts";

export interface AloneOptions extends RowSize {
	readonly runs: number;
	/** How often the processes are started again: no row depends on one start. */
	readonly starts: number;
	readonly prefix: string;
	/** Starts the program of one endpoint. `name` is for messages to people. */
	readonly start: (name: string) => EndpointProgram<Assignment>;
}

/** A row of bench_ipc without anything that it is compared with. Times are of one run, in nanoseconds for each message. */
export interface AloneRow {
	readonly pattern: RowSize["pattern"];
	readonly n: number;
	/** Messages sent in each run, over all senders. */
	readonly count: number;
	readonly median: number;
	readonly fastest: number;
	readonly slowest: number;
	/** Over all runs and receivers. */
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
}

/** Measures one row. It needs no other program, so that users can measure libipc with what they have installed. */
export async function measureAlone(options: AloneOptions): Promise<AloneRow> {
	const { pattern, n, runs, starts, prefix } = options;
	const plan = planOf(options);
	const rounds: RoundResult[] = [];
	try {
		for (let start = 0; start < starts && rounds.length < runs; start++) {
			const endpoints = await startEndpoints(options, plan, prefix, options.start);
			try {
				for (let i = 0; i < plan.warmUpRounds; i++) await endpoints.round();
				for (let left = Math.ceil((runs - rounds.length) / (starts - start)); left > 0; left--)
					rounds.push(await endpoints.round());
			} finally {
				await endpoints[Symbol.asyncDispose]();
			}
		}
	} finally {
		clearEndpoints(plan, prefix);
	}
	const times = rounds.map(({ totalNs }) => totalNs / plan.sent);
	const total = (pick: (round: RoundResult) => number): number => rounds.reduce((sum, round) => sum + pick(round), 0);
	return {
		pattern,
		n,
		count: plan.sent,
		median: median(times),
		fastest: Math.min(...times),
		slowest: Math.max(...times),
		delivered: total(({ delivered }) => delivered),
		expected: total(({ expected }) => expected),
		corrupt: total(({ corrupt }) => corrupt),
	};
}
