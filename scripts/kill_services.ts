/**
 * Kills servers and clients of a service at random moments.
 *
 *   bun run kill:services [--kills N] [--seed N]
 */
import { killServices } from "../packages/core/src/service/testing/kills.ts";
import { commandLine, wholeNumber } from "./lib/command_line.ts";

const { flags } = commandLine({
	name: "bun run kill:services",
	flags: {
		kills: { type: wholeNumber(1), description: "how many processes are killed", default: 500 },
		seed: { type: wholeNumber(1), description: "the first random number", default: 1 },
	},
	help: {
		description:
			"Kills servers and clients of a service at random moments. Each call has to be answered or to fail, once, and nothing may be left behind.",
	},
});

const begun = performance.now();
const { kills, calls, answered, failed, abandoned, longest, p999, longestFailed, problems } = await killServices(
	flags.kills,
	flags.seed,
	(done) => {
		if (process.stdout.isTTY) process.stdout.write(`\r${done} killed`);
	},
);
const seconds = ((performance.now() - begun) / 1000).toFixed(0);
console.log(
	`\r${kills} kills, seed ${flags.seed}, ${seconds} s: ${calls} calls, ${answered} answered, ${failed} failed, ${abandoned} of killed clients; ` +
		`the longest took ${longest.toFixed(0)} ms, all but one of a thousand ${p999.toFixed(0)} ms, those that failed ${longestFailed.toFixed(0)} ms; ${problems.length} problems`,
);
for (const problem of problems.slice(0, 20)) console.log(problem);
process.exit(problems.length > 0 ? 1 : 0);
