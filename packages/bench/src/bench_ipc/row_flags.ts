/** Flags of the commands that measure the sixteen rows of bench_ipc. */
import { listOf, wholeNumber } from "../../../../scripts/lib/command_line.ts";
import { patterns } from "./pattern.ts";

/** Both in bytes. A message of two bytes has room for its sender and its sequence. */
const SHORTEST = 2;
const LONGEST = 65_536;

const MAX_N = 64;

export const rowFlags = {
	// The sequence in a message has 24 bits, and a sender uses no sequence twice. Each of 64 senders sends at least one.
	count: {
		type: wholeNumber(MAX_N, 1 << 24),
		placeholder: "<n>",
		description: "messages per run, shared among the senders",
		default: 100_000,
	},
	min: {
		type: wholeNumber(SHORTEST, LONGEST),
		placeholder: "<bytes>",
		description: "shortest message, 2 or more",
		default: 2,
	},
	max: {
		type: wholeNumber(SHORTEST, LONGEST),
		placeholder: "<bytes>",
		description: "longest message, up to 65536; not below --min",
		default: 256,
	},
	maxThreads: {
		type: wholeNumber(1, MAX_N),
		placeholder: "<n>",
		description: "largest N of a row (N is 1, 2, 4, 8, …); named as in bench_ipc",
		default: 8,
	},
	patterns: {
		type: listOf(...patterns),
		placeholder: "<list>",
		description: `some of ${patterns.join(", ")}, with commas (default: all)`,
	},
} as const;

/** Ends the command if the shortest message is longer than the longest. */
export function checkSizes(name: string, { min, max }: { readonly min: number; readonly max: number }): void {
	if (min <= max) return;
	console.error(`${name}: --max must be at least --min (${min}), not "${max}"`);
	process.exit(2);
}
