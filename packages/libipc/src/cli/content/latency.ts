import type { Latency } from "libipc";
import { printable, whole } from "../format.ts";

const PERCENTILES = [50, 90, 99, 99.9] as const;

/** A time in nanoseconds: `340 ns`, `12.3 µs`, `4.56 ms`. */
export function duration(nanoseconds: number): string {
	for (const [unit, length] of [
		["s", 1e9],
		["ms", 1e6],
		["µs", 1e3],
	] as const)
		if (nanoseconds >= length) return `${Number((nanoseconds / length).toPrecision(3))} ${unit}`;
	return `${Math.round(nanoseconds)} ns`;
}

export const latencyFields = (latency: Latency) => ({
	...{ count: latency.count, min: latency.min, mean: latency.mean, max: latency.max },
	percentiles: Object.fromEntries(PERCENTILES.map((percent) => [percent, latency.percentile(percent)])),
});

/** Counts of times by powers of two. */
export class Octaves {
	readonly #counts = new Float64Array(54);

	record(nanoseconds: number): void {
		const octave = nanoseconds < 1 ? 0 : Math.min(53, Math.floor(Math.log2(nanoseconds)));
		this.#counts[octave] = (this.#counts[octave] as number) + 1;
	}

	/** One line for each power of two that occurs, and those between. */
	lines(width: number): string[] {
		const first = this.#counts.findIndex((count) => count > 0);
		const last = this.#counts.findLastIndex((count) => count > 0);
		if (first < 0) return [];
		const most = Math.max(...this.#counts);
		const room = Math.max(10, Math.min(width, 100) - 36);
		return Array.from({ length: last - first + 1 }, (_, index) => {
			const octave = first + index;
			const count = this.#counts[octave] as number;
			const bar = "█".repeat(Math.ceil((count / most) * room));
			return `${duration(2 ** octave).padStart(8)} – ${duration(2 ** (octave + 1)).padStart(8)} ${whole(count).padStart(12)} ${bar}`;
		});
	}
}

/** The histogram and its figures, as lines. */
export function latencyLines(name: string, latency: Latency, octaves: Octaves, lost: number, width: number): string[] {
	const { count, min, mean, max } = latency;
	const figures = [
		`min ${duration(min)}`,
		`mean ${duration(mean)}`,
		...PERCENTILES.map((percent) => `p${percent} ${duration(latency.percentile(percent))}`),
		`max ${duration(max)}`,
	];
	return [
		`${printable(name)}: ${whole(count)} messages${lost > 0 ? `, ${whole(lost)} lost` : ""}`,
		...octaves.lines(width),
		...(count > 0 ? [figures.join("  ")] : []),
	];
}
