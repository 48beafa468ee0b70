/**
 * Ends, or stops for 3 s, a process right before each of its stores into shared memory and each of its calls that
 * change the system, in every scenario of native/fault/, and sees whether the others come to a good end.
 *
 *   bun run faults [--stop] [--quick] [--only <text>]... [--at-once <n>] [--list]
 *
 * --only: cases in whose "scenario / role / point / hit" the text is found; several must all be found.
 */
import { spawn, spawnSync } from "node:child_process";
import { globSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { commonFlags, findCompiler, linkFlags } from "./compiler.ts";
import { exclusions } from "./faults-excluded.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const BUILD = "native/build/fault";
const PROGRAM = `${BUILD}/faults`;

const SIGNALS = { kill: 9, stop: 19 } as const;

/** Cases in which nobody waits for a processor for long, and in which all but a few sleep. */
const AT_ONCE = { kill: 8 * availableParallelism(), stop: 60 * availableParallelism() } as const;

interface Case {
	readonly scenario: string;
	readonly actor: number;
	readonly role: string;
	readonly point: number;
	readonly hit: number;
}

interface Passed extends Omit<Case, "hit"> {
	readonly isVictim: boolean;
	readonly fewest: number;
	readonly most: number;
}

function compile(): void {
	const compiler = findCompiler();
	mkdirSync(BUILD, { recursive: true });
	const flags = [...commonFlags, "-O1", "-g", "-D_GNU_SOURCE="];
	// The library's sources are looked at by -Wshadow and -Wconversion elsewhere; macros inside macros shadow.
	const faulty = [...flags, "-Wno-shadow", "-Wno-conversion", "-Wno-unused-value", "-include", "native/fault/fault.h"];
	const steps = [
		...globSync("native/src/*.c").map((source) => ({ source, flags: faulty })),
		{ source: "native/src/platform/linux.c", flags: [...faulty, "-DFAULT_PLATFORM"] },
		...globSync("native/fault/*.c").map((source) => ({ source, flags })),
	].map((step) => ({ ...step, output: `${BUILD}/${step.source.replaceAll("/", "_").replace(/\.c$/, ".o")}` }));
	const build = (args: readonly string[], what: string): void => {
		const { status, stderr } = spawnSync(compiler, [...args], { encoding: "utf8" });
		if (status !== 0) throw new Error(`${compiler} could not build ${what}:\n${stderr}`);
		if (stderr) process.stderr.write(stderr);
	};
	for (const { source, flags: its, output } of steps) build([...its, "-c", source, "-o", output], basename(source));
	build([...steps.map(({ output }) => output), "-o", PROGRAM, ...linkFlags], PROGRAM);
}

/** Runs the program with lines for its input, and hands on each line that it prints. */
function talk(args: readonly string[], input: readonly string[], line: (fields: string[]) => void): Promise<void> {
	return new Promise((resolve, reject) => {
		const child = spawn(PROGRAM, [...args], { stdio: ["pipe", "pipe", "inherit"] });
		let rest = "";
		child.stdout.setEncoding("utf8");
		child.stdout.on("data", (text: string) => {
			const lines = (rest + text).split("\n");
			rest = lines.pop() ?? "";
			for (const one of lines) line(one.split("\t"));
		});
		child.on("error", reject);
		child.on("close", (status) =>
			status === 0 ? resolve() : reject(new Error(`${PROGRAM} ${args[0]} ended with ${status}`)),
		);
		child.stdin.end(input.map((text) => `${text}\n`).join(""));
	});
}

const name = (it: Case, points: readonly string[]): string =>
	`${it.scenario} / ${it.role} / ${points[it.point]} / hit ${it.hit}`;

/** A number that depends on nothing but the text: who chooses by it chooses the same each time. */
const numberOf = (text: string): number => Number(BigInt(Bun.hash(text)) & 0xffffffffn);

interface Outcome {
	readonly it: Case;
	readonly result: string;
	readonly slowest: number;
	readonly doing: string;
	readonly reason: string;
}

async function play(cases: readonly Case[], signal: number, atOnce: number): Promise<Outcome[]> {
	const outcomes: Outcome[] = [];
	const input = cases.map((it) => [it.scenario, it.actor, it.point, it.hit, signal].join("\t"));
	await talk(["run", String(atOnce)], input, ([result = "", number, slowest, doing = "", reason = ""]) => {
		const it = cases[Number(number)];
		if (it) outcomes.push({ it, result, slowest: Number(slowest), doing, reason });
	});
	return outcomes;
}

async function main(): Promise<boolean> {
	const { values } = parseArgs({
		options: {
			stop: { type: "boolean", default: false },
			quick: { type: "boolean", default: false },
			list: { type: "boolean", default: false },
			only: { type: "string", multiple: true, default: [] },
			"at-once": { type: "string" },
		},
	});
	const started = performance.now();
	compile();
	const points: string[] = [];
	await talk(["points"], [], ([, text = ""]) => points.push(text));

	const problems: string[] = [];
	const passed: Passed[] = [];
	const scenarios = new Set<string>();
	const atOnce = Number(values["at-once"] ?? AT_ONCE.kill);
	await talk(["discover", String(atOnce)], [], ([kind, scenario = "", ...fields]) => {
		scenarios.add(scenario);
		if (kind === "failed") problems.push(`${scenario}, without a fault: ${fields.join(" ")}`);
		const [actor, role = "", isVictim, point, fewest, most] = fields;
		if (kind === "hit")
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

	const victims = passed.filter(({ isVictim }) => isVictim);
	const reached = new Set(victims.map(({ point }) => point));
	const parts = Object.keys(exclusions);
	for (const [index, text] of points.entries()) {
		const isExcluded = parts.some((part) => text.endsWith(part));
		if (reached.has(index) && isExcluded) problems.push(`${text} is excluded, but scenarios pass it`);
		if (!reached.has(index) && !isExcluded) problems.push(`${text} is passed by no scenario`);
	}
	for (const part of parts)
		if (!points.some((text) => text.endsWith(part))) problems.push(`excluded, but there is no such point: ${part}`);

	const all = victims.flatMap(({ fewest, most, isVictim: _, ...it }): Case[] => {
		const hits = new Set([1, Math.min(2, most), fewest > 2 ? fewest : 1]);
		return [...hits].map((hit) => ({ ...it, hit }));
	});
	const chosen = all.filter((it) => values.only.every((text) => name(it, points).includes(text)));
	const pairs = new Set(chosen.map(({ role, scenario, point }) => `${scenario}/${role}/${point}`)).size;
	if (values.list) {
		for (const it of chosen) console.log(name(it, points));
		return true;
	}
	console.log(
		`${points.length} points, ${points.length - reached.size} of them excluded; ${scenarios.size} scenarios; ` +
			`${pairs} times a point and a role, ${chosen.length} cases`,
	);

	const mode = values.stop ? "stop" : "kill";
	let failed = problems.length;
	let survived = 0;
	let missed = 0;
	let slowest: Outcome | undefined;
	const struck = new Set<number>();
	const tell = (outcomes: readonly Outcome[]): void => {
		for (const outcome of outcomes) {
			if (outcome.result === "ok") {
				survived++;
				struck.add(outcome.it.point);
				if (outcome.slowest > (slowest?.slowest ?? 0)) slowest = outcome;
			} else if (outcome.result === "missed") {
				missed++;
			} else {
				failed++;
				console.log(`FAILED ${name(outcome.it, points)}: ${outcome.reason}`);
			}
		}
	};
	for (const problem of problems) console.log(`FAILED ${problem}`);
	tell(await play(chosen, SIGNALS[mode], Number(values["at-once"] ?? AT_ONCE[mode])));

	const seconds = ((performance.now() - started) / 1000).toFixed(0);
	console.log(`${survived} ${mode === "kill" ? "kills" : "stops"} survived; ${missed} not reached; ${seconds} s`);
	if (slowest)
		console.log(`slowest recovery: ${slowest.slowest.toFixed(0)} ms in ${slowest.doing} (${name(slowest.it, points)})`);
	console.log(`${survived} passed, ${failed} failed`);
	return failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
