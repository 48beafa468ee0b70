import type { Pattern } from "./pattern.ts";

/**
 * The programs that libipc comes from, measured on a machine of the same kind (2 cores, Linux x64, 2026-11-22): nanoseconds per
 * message for 100,000 messages of 2-256 bytes. They are constants, printed beside the measured rows; nothing is computed from them.
 * Its own benchmark of the Rust port (`asPublished`) sends with a timeout of 0: when the first ring is full it disconnects every
 * receiver, and nearly all sends return false. `cpp` and `rust` are the same programs with sends that wait.
 */
export interface Predecessors {
	/** cpp-ipc, with the fixes of its fork. Everything is delivered. */
	readonly cpp: number;
	/** The Rust port. "corrupt": with several senders it joins the fragments of different messages. */
	readonly rust: number | "corrupt";
	/** The Rust port as published: between 0.005 % and 14 % of its messages arrive. */
	readonly asPublished: number;
}

/** For N = 1, 2, 4 and 8. */
const table = {
	route: { cpp: [2_800, 5_900, 10_400, 17_800], rust: [480, 860, 1_290, 3_310], asPublished: [47, 55, 101, 44] },
	"1-N": { cpp: [2_800, 6_500, 11_100, 18_800], rust: [560, 710, 1_200, 2_430], asPublished: [71, 68, 57, 71] },
	"N-1": {
		cpp: [2_700, 2_600, 2_500, 2_900],
		rust: [500, "corrupt", "corrupt", "corrupt"],
		asPublished: [78, 77, 63, 87],
	},
	"N-N": {
		cpp: [2_800, 5_200, 11_100, 22_300],
		rust: [530, "corrupt", "corrupt", "corrupt"],
		asPublished: [62, 54, 75, 89],
	},
} as const;

export function predecessors(pattern: Pattern, n: number): Predecessors | undefined {
	const { cpp, rust, asPublished } = table[pattern];
	const index = [1, 2, 4, 8].indexOf(n);
	if (index < 0) return undefined;
	return {
		cpp: cpp[index] as number,
		rust: rust[index] as number | "corrupt",
		asPublished: asPublished[index] as number,
	};
}
