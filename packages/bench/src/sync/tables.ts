import { newTable } from "../command/table.ts";
import type { Series } from "../statistics/series.ts";
import { contendedId, contendedVariants } from "./measure_contended.ts";
import { handOverVariants, p50, p99 } from "./measure_hand_over.ts";
import { pairVariants } from "./measure_pairs.ts";

/** Lock and unlock from TypeScript may take so many times what the system's lock and two bare calls take. */
const BAR = 2;

const fixed = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

export function pairsTable(series: Series): string {
	const table = newTable(["lock and unlock, nobody else there", "ns", "÷ C"], ["left", "right", "right"]);
	for (const { id, title, against } of pairVariants)
		table.push([title, fixed(series.median(id)), against ? series.dividedBy(id, against).toFixed(2) : ""]);
	return table.toString();
}

/** Whether TypeScript keeps to the bar, in words. */
export function pairVerdicts(series: Series): string[] {
	return ["mutex", "guard"].flatMap((id) =>
		["c-mutex", "c-robust"].map((lock) => {
			const ratio = series.ratio(id, (of) => of(lock) + of("calls"));
			const titleOf = (wanted: string) => pairVariants.find((each) => each.id === wanted)?.title ?? wanted;
			return `${titleOf(id)} ÷ (${titleOf(lock)} + ${titleOf("calls")}): ${ratio.toFixed(2)} (bar ${BAR}: ${ratio <= BAR ? "met" : "missed"})`;
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
	const table = newTable(["until the other has it", "p50 µs", "p99 µs", "÷ C"], ["left", "right", "right", "right"]);
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

/** What the columns mean, for whoever sees the tables without docs/performance.md. */
export const legend =
	"Medians over the runs; ÷ C: median over the runs of what is measured (hand-overs: p50) ÷ C in the same run: the robust mutex (Atomics lock: too), the rwlock that does the same, sem_t, the condition, the futex.";
