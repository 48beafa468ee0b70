/** Flags that several commands share. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
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

export const againstFlag = {
	type: String,
	placeholder: "<dir>",
	description: "another checkout of this repository, built: both are measured in turns, and compared",
} as const;

/** The checkout that `--against` names, if there is one. Ends the command if it cannot be measured. */
export function checkCheckout(name: string, directory: string | undefined): { readonly against: string } | undefined {
	if (directory === undefined) return undefined;
	const against = resolve(directory);
	for (const [part, way] of [
		["packages/bench/src/bench.ts", "name the root of a checkout of libipc"],
		["node_modules", "run `npx bun install` there"],
		["native/build", "run `npx bun run build` there"],
	] as const) {
		if (existsSync(join(against, part))) continue;
		console.error(`${name}: --against ${directory} has no ${part}: ${way}`);
		process.exit(2);
	}
	return { against };
}
