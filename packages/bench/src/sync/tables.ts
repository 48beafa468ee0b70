import { newTable } from "../command/table.ts";
import type { Series } from "../statistics/series.ts";
import { contendedId, contendedVariants } from "./measure_contended.ts";
import { handOverVariants, p50, p99 } from "./measure_hand_over.ts";
import { pairVariants } from "./measure_pairs.ts";

/** Lock and unlock from TypeScript may take at most so many times the time of the system's lock and two bare calls. */
const BUDGET = 2;

const fixed = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

export function pairsTable(series: Series): string {
	const table = newTable(["lock and unlock, without competition", "ns", "÷ C"], ["left", "right", "right"]);
	for (const { id, title, against } of pairVariants)
		table.push([title, fixed(series.median(id)), against ? series.dividedBy(id, against).toFixed(2) : ""]);
	return table.toString();
}

/** Whether TypeScript keeps to the budget, in words. */
export function pairVerdicts(series: Series): string[] {
	return ["mutex", "guard"].flatMap((id) =>
		["c-mutex", "c-robust"].map((lock) => {
			const ratio = series.ratio(id, (of) => of(lock) + of("calls"));
			const titleOf = (wanted: string) => pairVariants.find((each) => each.id === wanted)?.title ?? wanted;
			return `${titleOf(id)} ÷ (${titleOf(lock)} + ${titleOf("calls")}): ${ratio.toFixed(2)} (budget ${BUDGET}: ${ratio <= BUDGET ? "kept" : "exceeded"})`;
		}),
	);
}

export function contendedTable(series: Series, sizes: readonly number[]): string {
	const table = newTable(
		["ns per operation, processes at once:", ...sizes.flatMap((size) => [`${size}`, "÷ C"])],
		["left", ...sizes.flatMap(() => ["right", "right"] as const)],
	);
	for (const { id, title, against } of contendedVariants)
		table.push([
			title,
			...sizes.flatMap((size) => {
				const own = contendedId(id, size);
				return [fixed(series.median(own)), against ? series.dividedBy(own, contendedId(against, size)).toFixed(2) : ""];
			}),
		]);
	return table.toString();
}

export function handOverTable(series: Series): string {
	const table = newTable(
		["from release to the next owner", "p50 µs", "p99 µs", "÷ C"],
		["left", "right", "right", "right"],
	);
	const microseconds = (id: string) => (series.median(id) / 1000).toFixed(1);
	for (const { id, title, pace, against } of handOverVariants)
		table.push([
			`${title}${pace === "turn" ? ", back to back" : ", asleep for 1 ms"}`,
			microseconds(p50(id)),
			microseconds(p99(id)),
			against ? series.dividedBy(p50(id), p50(against)).toFixed(2) : "",
		]);
	return table.toString();
}

/** Explains the columns of the tables. */
export const legend = `Medians over the runs. ÷ C: the time (of hand-overs p50) divided by the time of C in the same run; median over the runs.
C is the robust mutex for Mutex and the Atomics lock, else the lock of the same kind: rwlock, sem_t, condition, futex.`;
