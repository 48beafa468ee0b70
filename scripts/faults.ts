/**
 * Kills a process, or stops it for 3 s, right before each of its stores into shared memory and each of its calls that change
 * the system, in every scenario of native/fault/, and checks that the others finish their work.
 */
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { exclusions } from "./faults_excluded.ts";
import { commandLine, wholeNumber } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { closingLine } from "./lib/sums.ts";
import { commonFlags, link, object, Toolchain } from "./lib/toolchain.ts";

process.chdir(root);

const BUILD = "native/build/fault";
const PROGRAM = `${BUILD}/faults`;

const SIGNALS = { kill: 9, stop: 19 } as const;

/** Cases in which no process waits for a processor for long, and cases in which all but a few sleep. */
const AT_ONCE = { kill: 8 * availableParallelism(), stop: 100 * availableParallelism() } as const;

/** How many cases of each point `--quick` kills at, and at how many cases it stops. */
const QUICK = { kill: 4, stop: 300 } as const;

/** How often a case with a slow recovery must be reached again, and how many runs that may take. */
const AGAIN = { reached: 4, runs: 40 } as const;

interface Case {
	readonly scenario: string;
	readonly actor: number;
	readonly role: string;
	readonly point: number;
	readonly hit: number;
	/** Whether it has come this far each time. Otherwise that depends on which process comes first. */
	readonly isSure: boolean;
}

type Mode = keyof typeof SIGNALS;

/** A point that an actor of a scenario has passed. */
interface Passage extends Omit<Case, "hit" | "isSure"> {
	readonly isVictim: boolean;
	readonly fewest: number;
	readonly most: number;
}

async function compile(): Promise<void> {
	const toolchain = new Toolchain();
	const flags = [...commonFlags, "-O1", "-g", "-D_GNU_SOURCE="];
	// Macros in the arguments of macros shadow, and convert what the library does not. The library's own build checks for both.
	const faulty = [...flags, "-Wno-shadow", "-Wno-conversion", "-Wno-unused-value", "-include", "native/fault/fault.h"];
	const objects = [
		...globSync("native/src/*.c").map((source) => ({ source, flags: faulty })),
		...globSync("native/src/platform/*.c")
			.filter((source) => !/\/(fault|darwin)\.c$/.test(source))
			.map((source) => ({ source, flags: [...faulty, "-DFAULT_PLATFORM"] })),
		// It stores into tables that belong to the process, or into memory that has been cut off from the file.
		{ source: "native/src/platform/fault.c", flags },
		...globSync("native/fault/*.c").map((source) => ({ source, flags })),
	].map((each) =>
		object(each.source, `${BUILD}/${each.source.replaceAll("/", "_").replace(/\.c$/, ".o")}`, each.flags),
	);
	await toolchain.makeAll(objects);
	await toolchain.make(link(objects, PROGRAM, []));
}

/** Runs the program with the lines as its input, and passes on each line that it prints. */
async function talk(
	args: readonly string[],
	input: readonly string[],
	line: (fields: string[]) => void,
): Promise<void> {
	const { status } = await run([PROGRAM, ...args], {
		input: input.map((text) => `${text}\n`).join(""),
		onLine: (text) => line(text.split("\t")),
		showErrors: true,
	});
	if (status !== 0) throw new Error(`${PROGRAM} ${args[0]} ended with ${status}`);
}

const name = (it: Case, points: readonly string[]): string =>
	`${it.scenario} / ${it.role} / ${points[it.point]} / hit ${it.hit}`;

/** A number that depends on the text only, so that a choice by it is the same each time. */
const numberOf = (text: string): number => Number(BigInt(Bun.hash(text)) & 0xffffffffn);

/** All cases, or with `--quick` some of each point, the same ones each time. */
function choose(cases: readonly Case[], mode: Mode, isQuick: boolean, points: readonly string[]): Case[] {
	if (!isQuick) return [...cases];
	const order = new Map(cases.map((it) => [it, numberOf(name(it, points)) + (it.isSure ? 0 : 2 ** 32)]));
	const sorted = cases.toSorted((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0));
	if (mode === "stop") return sorted.slice(0, QUICK.stop);
	const counts = new Map<number, number>();
	return sorted.filter(({ point }) => {
		const count = (counts.get(point) ?? 0) + 1;
		counts.set(point, count);
		return count <= QUICK.kill;
	});
}

interface Outcome {
	readonly it: Case;
	readonly result: string;
	readonly slowest: number;
	readonly during: string;
	readonly reason: string;
}

async function runCases(cases: readonly Case[], signal: number, atOnce: number): Promise<Outcome[]> {
	const outcomes: Outcome[] = [];
	const input = cases.map((it) => [it.scenario, it.actor, it.point, it.hit, signal].join("\t"));
	await talk(["run", String(atOnce)], input, ([result = "", number, slowest, during = "", reason = ""]) => {
		const it = cases[Number(number)];
		if (it) outcomes.push({ it, result, slowest: Number(slowest), during, reason });
	});
	return outcomes;
}

/**
 * Runs the cases again in which a recovery took too long, until each has been reached a few times. Processes of other cases and
 * programs hold locks of the kernel, such as that of the directory, while they wait for a processor. So one slow recovery in many
 * cases is not a fault, but two of a few are.
 */
async function settle(outcomes: readonly Outcome[], signal: number): Promise<Outcome[]> {
	const settled: Outcome[] = [];
	for (const outcome of outcomes) {
		if (outcome.result !== "slow") {
			settled.push(outcome);
			continue;
		}
		const again: Outcome[] = [];
		for (let runs = 0; runs < AGAIN.runs && again.length < AGAIN.reached; runs++)
			again.push(...(await runCases([outcome.it], signal, 1)).filter(({ result }) => result !== "missed"));
		const failed = again.find(({ result }) => result === "failed");
		const slow = again.filter(({ result }) => result === "slow").length;
		const isFault = again.length === 0 || slow > 1;
		settled.push(failed ?? { ...outcome, result: isFault ? "failed" : "ok" });
		if (!isFault) console.log(`slow once, and ${slow} times in ${again.length} more cases: ${outcome.reason}`);
	}
	return settled;
}

async function main(): Promise<boolean> {
	const { flags: values } = commandLine({
		name: "bun run faults",
		flags: {
			stop: { type: Boolean, description: "Stops for 3 s instead of killing", default: false },
			quick: { type: Boolean, description: "Some kills of each point and some stops", default: false },
			oneHit: {
				type: Boolean,
				description: "One hit of each point in each role, and not the first, the second and a late one",
				default: false,
			},
			list: { type: Boolean, description: "Only prints the names of the cases", default: false },
			only: {
				type: [String],
				placeholder: "<text>",
				description: "Cases whose name contains the text; several texts must all be in it",
			},
			atOnce: { type: wholeNumber(1), placeholder: "<n>", description: "How many cases run at once" },
		},
		help: {
			description:
				"Kills a process right before each of its stores into shared memory and each call that changes the system, and checks that the others finish their work. A case is named: scenario / role / point / hit.",
		},
	});
	const started = performance.now();
	await compile();
	const points: string[] = [];
	await talk(["points"], [], ([, text = ""]) => points.push(text));

	const problems: string[] = [];
	const passed: Passage[] = [];
	const scenarios = new Set<string>();
	const atOnce = values.atOnce ?? AT_ONCE.kill;
	const discover = async (isWanted: (point: number) => boolean): Promise<void> => {
		// Each scenario runs four times: one slow recovery is not a fault, see settle().
		const slow = new Set<string>();
		await talk(["discover", String(atOnce)], [], ([kind, scenario = "", ...fields]) => {
			scenarios.add(scenario);
			if (kind === "failed" || (kind === "slow" && slow.has(scenario)))
				problems.push(`${scenario}, without a fault: ${fields.join(" ")}`);
			if (kind === "slow") slow.add(scenario);
			const [actor, role = "", isVictim, point, fewest, most] = fields;
			if (kind === "hit" && isWanted(Number(point)))
				passed.push({
					scenario,
					actor: Number(actor),
					role,
					isVictim: isVictim === "1",
					point: Number(point),
					fewest: Number(fewest),
					most: Number(most),
				});
		});
	};
	const parts = Object.keys(exclusions);
	const reachedNow = (): Set<number> => new Set(passed.filter(({ isVictim }) => isVictim).map(({ point }) => point));
	const missing = (): number[] => {
		const reached = reachedNow();
		return [...points.keys()].filter(
			(index) => !reached.has(index) && !parts.some((part) => points[index]?.endsWith(part)),
		);
	};
	await discover(() => true);
	// A point that is passed only if two processes come at once needs several attempts, more of them on a busy machine.
	for (let attempt = 0; attempt < 10 && missing().length > 0; attempt++) {
		const wanted = new Set(missing());
		await discover((point) => wanted.has(point));
	}

	const reached = reachedNow();
	for (const index of missing()) problems.push(`${points[index]} is not passed by any scenario`);
	for (const part of parts)
		if (!points.some((text, index) => text.endsWith(part) && !reached.has(index)))
			problems.push(`${part} is excluded, but there is no such point, or scenarios pass it`);

	const modes: Mode[] = values.quick ? ["kill", "stop"] : [values.stop ? "stop" : "kill"];
	const casesOf = (found: readonly Passage[]): Case[] =>
		found
			.filter(({ isVictim }) => isVictim)
			.flatMap(({ fewest, most, isVictim: _, ...it }, index): Case[] => {
				const hits = [...new Set([1, Math.min(2, most), fewest > 2 ? fewest : 1])];
				const chosen = values.oneHit ? hits.slice(index % hits.length).slice(0, 1) : hits;
				return chosen.map((hit) => ({ ...it, hit, isSure: hit <= fewest }));
			})
			.filter((it) => values.only.every((text) => name(it, points).includes(text)));
	const wanted = casesOf(passed);
	const pairs = new Set(wanted.map(({ role, scenario, point }) => `${scenario}/${role}/${point}`)).size;
	console.log(
		`${points.length} points, ${points.length - reached.size} of them excluded; ${scenarios.size} scenarios; ` +
			`${pairs} pairs of a point and a role, ${wanted.length} cases`,
	);
	if (values.list) {
		for (const it of wanted) console.log(name(it, points));
		return true;
	}

	let failed = problems.length;
	let survived = 0;
	for (const problem of problems) console.log(`FAILED ${problem}`);
	for (const mode of modes) {
		const begun = performance.now();
		const hitPoints = new Set<number>();
		let slowest: Outcome | undefined;
		let survivedNow = 0;
		let missed = 0;
		const count = (outcomes: readonly Outcome[]): void => {
			for (const outcome of outcomes) {
				if (outcome.result === "ok") {
					survivedNow++;
					hitPoints.add(outcome.it.point);
					if (outcome.slowest > (slowest?.slowest ?? 0)) slowest = outcome;
				} else if (outcome.result === "missed") {
					missed++;
				} else {
					failed++;
					hitPoints.add(outcome.it.point);
					console.log(`FAILED ${mode}: ${name(outcome.it, points)}: ${outcome.reason}`);
				}
			}
		};
		const atOnceNow = values.atOnce ?? AT_ONCE[mode];
		const chosen = choose(wanted, mode, values.quick, points);
		const runAll = async (cases: readonly Case[]): Promise<void> =>
			count(await settle(await runCases(cases, SIGNALS[mode], atOnceNow), SIGNALS[mode]));
		await runAll(chosen);
		if (mode === "kill" && values.only.length === 0) {
			// A point may not have been reached because another process came first: again, in every case that may reach it.
			for (let attempt = 0; attempt < 30 && hitPoints.size < reached.size; attempt++) {
				// The case that the first runs found may be a rare one.
				if (attempt > 0 && attempt % 5 === 0) await discover((point) => reached.has(point) && !hitPoints.has(point));
				await runAll(casesOf(passed).filter(({ point }) => !hitPoints.has(point)));
			}
			for (const point of reached)
				if (!hitPoints.has(point)) {
					failed++;
					console.log(`FAILED kill: ${points[point]} was not reached in ${chosen.length} cases`);
				}
		}
		const seconds = ((performance.now() - begun) / 1000).toFixed(0);
		const what = mode === "kill" ? "kills" : "stops of 3 s";
		console.log(`${survivedNow} ${what} survived, at ${hitPoints.size} points; ${missed} not reached; ${seconds} s`);
		if (slowest && mode === "kill")
			console.log(
				`slowest recovery: ${slowest.slowest.toFixed(0)} ms in ${slowest.during} (${name(slowest.it, points)})`,
			);
		survived += survivedNow;
	}
	console.log(`${((performance.now() - started) / 1000).toFixed(0)} s in all`);
	console.log(closingLine({ passed: survived, failed }));
	return failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
