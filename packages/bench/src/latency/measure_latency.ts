import { type Percentiles, percentiles } from "../statistics/statistics.ts";
import { type LatencyResult, summarize } from "./result.ts";
import { type Pace, variants } from "./variant.ts";

export interface LatencyOptions {
	/** Of the spinning variants in each run; the slower variants do fewer. */
	readonly rounds: number;
	readonly runs: number;
	/** Called before each measurement. */
	readonly onStart?: (title: string, run: number) => void;
}

/** So that each takes about as long. With fewer than 1000 rounds p99.9 is the slowest round. */
const ROUNDS_DIVIDED_BY: Record<Pace, number> = { spinning: 1, calling: 20, paused: 100 };

/** Rounds before the measured ones, at their pace: a runtime compiles again what it compiled for another pace. */
const ROUNDS_BEFORE = 50;
/** After its last answer, the other side ends. If both sides are on one processor, the answer waits for that: up to 2 ms. */
const ROUNDS_AFTER = 1;

/** Measures every variant: run 1 of all, run 2 of all, … Rejects if an echo was wrong. */
export async function measureLatency(options: LatencyOptions, signal: AbortSignal): Promise<LatencyResult[]> {
	const { rounds, runs, onStart } = options;
	const roundsOf = ({ pace }: { pace: Pace }) => Math.ceil(rounds / ROUNDS_DIVIDED_BY[pace]);
	const measured = new Map<string, Percentiles[]>(variants.map(({ id }) => [id, []]));
	for (let run = 0; run < runs; run++) {
		for (const variant of variants) {
			onStart?.(variant.title, run);
			const all = ROUNDS_BEFORE + roundsOf(variant) + ROUNDS_AFTER;
			const times = await variant.measure(all, signal);
			if (times.length !== all) throw new Error(`${variant.title}: ${times.length} rounds were reported`);
			measured.get(variant.id)?.push(percentiles(times.slice(ROUNDS_BEFORE, -ROUNDS_AFTER)));
		}
	}
	return summarize(variants, measured, roundsOf);
}
