import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { RoundResult } from "../launcher/endpoint_group.ts";
import { NativeProgram } from "../launcher/native_program.ts";
import { startProgram, type Transport } from "../launcher/start_program.ts";
import { type Interval, medianInterval } from "../statistics/bootstrap.ts";
import { median } from "../statistics/statistics.ts";
import type { Pattern } from "./pattern.ts";
import { clearEndpoints, planOf, type RowSize, startEndpoints } from "./row_endpoints.ts";

export interface RowOptions extends RowSize {
	/** Each endpoint runs in a separate process or Worker. */
	readonly transport: Transport;
	readonly runs: number;
	/** Another checkout of this repository, built: its participants take turns with those of this one. */
	readonly against?: string;
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
	/** Where that median lies with 95 % confidence. */
	readonly ratioInterval: Interval;
	/** With `against`: the other checkout, measured in the same rounds. */
	readonly other?: OtherCheckout;
}

export interface OtherCheckout {
	readonly usPerMessage: number;
	/** Median over the runs of (the time of this checkout ÷ the time of the other one in the same round). */
	readonly ratio: number;
	readonly ratioInterval: Interval;
}

/**
 * How often the processes of a row are started again, if there are as many runs. The cores, pages and caches that a process got
 * at its start stay with it: no row depends on few starts.
 */
const STARTS = 10;

const HERE = new URL("participant.program.ts", import.meta.url);

/** The same program in another checkout. */
function programOf(directory: string): URL {
	return pathToFileURL(join(directory, "packages/bench/src/bench_ipc/participant.program.ts"));
}

let rows = 0;

/** What the rounds of one start took, in nanoseconds. */
interface Start {
	readonly own: RoundResult[];
	readonly baseline: number[];
	readonly other: RoundResult[];
}

const quotients = (starts: readonly Start[], of: (start: Start) => readonly number[]): number[][] =>
	starts.map((start) => {
		const divisors = of(start);
		return start.own.map(({ totalNs }, round) => totalNs / (divisors[round] ?? Number.NaN));
	});

function compared(starts: readonly Start[], sent: number): OtherCheckout {
	const others = starts.flatMap(({ other }) => other);
	const wrong = others.find((round) => round.delivered !== round.expected || round.corrupt > 0);
	if (wrong) throw new Error(`the other checkout delivered ${wrong.delivered} of ${wrong.expected} messages`);
	const toOther = quotients(starts, ({ other }) => other.map(({ totalNs }) => totalNs));
	return {
		usPerMessage: median(others.map(({ totalNs }) => totalNs)) / 1e3 / sent,
		ratio: median(toOther.flat()),
		ratioInterval: medianInterval(toOther),
	};
}

/** Measures one row: rounds of libipc, of another checkout if there is one, and of the baseline take turns. */
export async function measureRow(options: RowOptions, signal: AbortSignal): Promise<Row> {
	const { pattern, n, min, max, transport, runs, capacity, against } = options;
	const plan = planOf(options);
	const { senders, receivers, sent, warmUpRounds } = plan;
	const prefix = `bench${process.pid}.${rows++}`;
	const prefixes = against === undefined ? [prefix] : [prefix, `${prefix}.other`];
	const starts: Start[] = [];
	try {
		for (let start = 0, left = runs; start < STARTS && left > 0; start++) {
			const rounds = Math.ceil(left / (STARTS - start));
			left -= rounds;
			const startGroup = (program: URL, prefix: string) =>
				startEndpoints(options, plan, prefix, (name) => startProgram(transport, { name, program, signal }));
			await using endpoints = await startGroup(HERE, prefix);
			await using others = against === undefined ? null : await startGroup(programOf(against), `${prefix}.other`);
			await using baseline = new NativeProgram({
				program: "baseline",
				args: [senders, receivers, sent, min, max, capacity],
				signal,
			});
			for (let i = 0; i < warmUpRounds; i++) {
				await endpoints.round();
				await others?.round();
				await baseline.round();
			}
			const results: Start = { own: [], baseline: [], other: [] };
			for (let i = 0; i < rounds; i++) {
				// Each checkout is first as often as the other.
				const isOtherFirst = i % 2 === 1;
				if (others && isOtherFirst) results.other.push(await others.round());
				results.own.push(await endpoints.round());
				if (others && !isOtherFirst) results.other.push(await others.round());
				results.baseline.push(await baseline.round());
			}
			starts.push(results);
		}
		const own = starts.flatMap((start) => start.own);
		const total = (pick: (round: RoundResult) => number) => own.reduce((sum, round) => sum + pick(round), 0);
		const totalNs = median(own.map((round) => round.totalNs));
		const toBaseline = quotients(starts, ({ baseline }) => baseline);
		return {
			pattern,
			n,
			count: sent,
			totalMs: totalNs / 1e6,
			usPerMessage: totalNs / 1e3 / sent,
			delivered: total((round) => round.delivered),
			expected: total((round) => round.expected),
			corrupt: total((round) => round.corrupt),
			baselineNsPerMessage: median(starts.flatMap(({ baseline }) => baseline)) / sent,
			ratioToBaseline: median(toBaseline.flat()),
			ratioInterval: medianInterval(toBaseline),
			...(against === undefined ? {} : { other: compared(starts, sent) }),
		};
	} finally {
		for (const prefix of prefixes) clearEndpoints(plan, prefix);
	}
}
