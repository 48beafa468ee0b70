/** Flags that several commands share. */
import { wholeNumber } from "../../../../scripts/lib/command_line.ts";

/** @param defaultRuns measured runs of each */
export const runsFlag = (defaultRuns: number) =>
	({
		type: wholeNumber(1, 10_000),
		placeholder: "<n>",
		description: "measured runs of each, in turns",
		default: defaultRuns,
	}) as const;

export const jsonFlag = {
	type: String,
	placeholder: "<file>",
	description: "write the results, with machine, commit and command",
} as const;

export const svgFlag = { type: String, placeholder: "<file>", description: "write a chart" } as const;
