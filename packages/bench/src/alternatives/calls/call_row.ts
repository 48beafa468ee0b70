import { median } from "../../statistics/statistics.ts";
import type { CallStart } from "./measure_calls.ts";

/** Half of the times, and 99 % of them, are at most so long. Nanoseconds. */
export interface Times {
	/** Medians over the starts. */
	readonly p50: number;
	readonly p99: number;
	/** Of each start. */
	readonly starts: readonly { readonly p50: number; readonly p99: number }[];
}

/** A transport, as `--json` writes it. The first row is libipc. */
export interface CallRow {
	readonly transport: string;
	/** Calls of each start, and reads. */
	readonly count: number;
	readonly calls: Times;
	readonly reads: Times;
	readonly wrong: number;
}

/** The rows of several starts, in the order in which their transports were measured first. */
export function callRowsOf(starts: readonly CallStart[]): CallRow[] {
	return [...Map.groupBy(starts, ({ transport }) => transport)].map(([transport, own]) => ({
		transport,
		count: own[0]?.count ?? 0,
		calls: timesOf(own.map(({ calls }) => calls)),
		reads: timesOf(own.map(({ reads }) => reads)),
		wrong: own.reduce((total, { wrong }) => total + wrong, 0),
	}));
}

function timesOf(starts: Times["starts"]): Times {
	const own = starts.map(({ p50, p99 }) => ({ p50, p99 }));
	return { p50: median(own.map(({ p50 }) => p50)), p99: median(own.map(({ p99 }) => p99)), starts: own };
}

/** Median over the starts of p50 ÷ p50 of libipc in the same start: a disturbance that meets both cancels out. */
export function timesLonger(times: Times, libipc: Times): number {
	return median(times.starts.map(({ p50 }, start) => p50 / (libipc.starts[start]?.p50 ?? Number.NaN)));
}
