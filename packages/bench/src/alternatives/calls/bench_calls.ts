import { Progress } from "../../command/progress.ts";
import type { CallAlternative } from "./call_alternative.ts";
import { callAlternatives } from "./call_alternatives.ts";
import { type CallRow, callRowsOf } from "./call_row.ts";
import { type CallStart, measureCalls } from "./measure_calls.ts";

/** Enough for the code to be compiled; a short run needs fewer. */
const MOST_WARM_UP = 5_000;

export interface BenchCallsOptions {
	/** Calls of each start, and reads. */
	readonly count: number;
	/** How often each transport is started: all of them in turns, so that a disturbance meets all alike. */
	readonly runs: number;
	readonly signal: AbortSignal;
}

/** Measures all transports, and says why some are missing. */
export async function benchCalls({ count, runs, signal }: BenchCallsOptions): Promise<{
	readonly rows: readonly CallRow[];
	readonly missing: readonly string[];
}> {
	const missing: string[] = [];
	const present: CallAlternative[] = [];
	for (const alternative of callAlternatives) {
		const availability = (await alternative.available?.()) ?? { available: true };
		if (availability.available) present.push(alternative);
		else missing.push(availability.reason);
	}
	const starts: CallStart[] = [];
	using progress = new Progress();
	for (let run = 0; run < runs; run++) {
		for (const alternative of present) {
			progress.show(`run ${run + 1} of ${runs}: ${alternative.name} …`);
			starts.push(await measureCalls(alternative, { count, warmUp: Math.min(count, MOST_WARM_UP), signal }));
		}
	}
	return { rows: callRowsOf(starts), missing };
}
