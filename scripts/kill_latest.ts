/**
 * Kills writers and readers of a latest value at random moments.
 *
 *   bun run kill:latest [--kills N] [--seed N]
 */

import { checkPattern, patternOf } from "../packages/conformance/src/latest_pattern.ts";
import { Latest, list } from "../packages/core/src/index.ts";
import { seededRandom } from "../packages/testing/src/random.ts";
import { filesOf } from "../packages/testing/src/segment_files.ts";
import { TestProgram } from "../packages/testing/src/test_program.ts";
import { sleep } from "../packages/testing/src/timing.ts";
import { commandLine, wholeNumber } from "./lib/command_line.ts";

const { flags } = commandLine({
	name: "bun run kill:latest",
	flags: {
		kills: { type: wholeNumber(1), description: "how many processes are killed", default: 500 },
		seed: { type: wholeNumber(1), description: "the first random number", default: 1 },
	},
	help: {
		description:
			"Kills processes that set and get a latest value at random moments. No value may be torn, each set has to succeed within a second, and nothing may be left behind.",
	},
});

const ROLES = ["sets", "gets", "sets", "updates", "gets"] as const;
const random = seededRandom(flags.seed);
const prefix = `killlatest${process.pid}.`;
const NAME = "victim";
const begun = performance.now();
const problems: string[] = [];
const times: number[] = [];

const start = (role: string): TestProgram =>
	new TestProgram(
		new URL("../packages/conformance/src/programs/latest.ts", import.meta.url),
		[role, prefix, NAME, random(1000)],
		{ transport: "processes" },
	);

function attempt(what: string, action: () => void): void {
	try {
		action();
	} catch (error) {
		problems.push(`${what}: ${String(error)}`);
	}
}

const latest = Latest.open(NAME, { prefix });
latest.set(patternOf(1));
const crew = ROLES.map(start);
for (let kill = 1; kill <= flags.kills; kill++) {
	const index = random(crew.length);
	const victim = crew[index] as TestProgram;
	// Also one that is about to begin.
	if (random(4) > 0) await Promise.race([victim.hasSaid ? sleep(0) : victim.line(), sleep(2000)]);
	await sleep(random(20));
	attempt("get", () => checkPattern(latest.get()));
	if (victim.hasEnded) problems.push(`a process that ${ROLES[index]} has ended by itself: ${await victim.exited}`);
	await victim.kill();
	attempt("get after a kill", () => checkPattern(latest.get()));
	// The process that is in an update makes the others wait: it is killed, too.
	const updating = ROLES.indexOf("updates");
	if (index !== updating) {
		await (crew[updating] as TestProgram).kill();
		kill++;
	}
	const before = performance.now();
	attempt("set", () => void latest.set(patternOf(random(100_000))));
	times.push(performance.now() - before);
	attempt("get after a set", () => checkPattern(latest.get()));
	// Not before the set: a new one in an update would make it wait.
	crew[updating] = start("updates");
	if (index !== updating) crew[index] = start(ROLES[index] as string);
	if (process.stdout.isTTY) process.stdout.write(`\r${kill} killed`);
}
for (const each of crew) await each.kill();
latest.close();
times.sort((a, b) => a - b);
if (list({ prefix }).length > 0) problems.push("a name is left");
const files = filesOf(prefix);
if (files.length > 0) problems.push(`files are left: ${files.join(", ")}`);
const slow = times.filter((ms) => ms > 1000).length;
console.log(
	`\r${flags.kills} kills, seed ${flags.seed}, ${((performance.now() - begun) / 1000).toFixed(0)} s: a set after a kill took at most ` +
		`${times.at(-1)?.toFixed(0)} ms, half of them ${times[times.length >> 1]?.toFixed(1)} ms, ${slow} more than 1 s; ${problems.length} problems`,
);
for (const problem of problems.slice(0, 20)) console.log(problem);
process.exit(problems.length > 0 ? 1 : 0);
