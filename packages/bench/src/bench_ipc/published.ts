import type { Pattern } from "./pattern.ts";

/**
 * What the seed project (a Rust port of cpp-ipc) published for the same rows: total milliseconds for 100,000 messages of
 * 2-256 bytes on Apple Silicon (12 threads, macOS; Apple Clang C++17 Release, rustc 1.85 --release). These constants are
 * printed beside the measured rows, and nothing is computed from them. The Rust program sends with timeout 0: built and
 * counted on Linux, it delivered under 1 % of its messages over all rows.
 */
export interface Published {
	/** cpp-ipc, with the seed's fix. */
	readonly cppMs: number;
	/** The Rust port: the time of sends that mostly return false. */
	readonly rustMs: number;
}

const table: Readonly<Record<Pattern, Readonly<Record<number, Published>>>> = {
	route: {
		1: { cppMs: 285.63, rustMs: 2.37 },
		2: { cppMs: 337.7, rustMs: 2.28 },
		4: { cppMs: 780.37, rustMs: 2.44 },
		8: { cppMs: 1874.48, rustMs: 2.16 },
	},
	"1-N": {
		1: { cppMs: 281.67, rustMs: 2.31 },
		2: { cppMs: 341.63, rustMs: 2.17 },
		4: { cppMs: 783.96, rustMs: 2.33 },
		8: { cppMs: 1818.23, rustMs: 2.31 },
	},
	"N-1": {
		1: { cppMs: 288.77, rustMs: 3.34 },
		2: { cppMs: 194.12, rustMs: 2.61 },
		4: { cppMs: 208.11, rustMs: 5.04 },
		8: { cppMs: 252.52, rustMs: 8.51 },
	},
	"N-N": {
		1: { cppMs: 286.79, rustMs: 2.77 },
		2: { cppMs: 345.35, rustMs: 6.97 },
		4: { cppMs: 1219.93, rustMs: 6.94 },
		8: { cppMs: 2470.24, rustMs: 4.58 },
	},
};

export function published(pattern: Pattern, n: number): Published | undefined {
	return table[pattern][n];
}
