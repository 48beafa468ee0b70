/**
 * Ends, or stops for 3 s, a process right before each of its stores into shared memory and each of its calls that
 * change the system, in every scenario of native/fault/, and sees whether the others come to a good end.
 *
 *   bun run faults [--stop] [--quick] [--only <text>]... [--at-once <n>] [--list]
 *
 * --only: cases in whose "scenario / role / point / hit" the text is found; several must all be found.
 */
import { spawn } from "node:child_process";
import { globSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { exclusions } from "./faults_excluded.ts";
import { commonFlags, findCompiler, linkFlags } from "./lib/toolchain.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const BUILD = "native/build/fault";
const PROGRAM = `${BUILD}/faults`;

const SIGNALS = { kill: 9, stop: 19 } as const;

/** Cases in which nobody waits for a processor for long, and in which all but a few sleep. */
const AT_ONCE = { kill: 8 * availableParallelism(), stop: 100 * availableParallelism() } as const;

/** How many cases of each point `--quick` kills at, and at how many it stops. */
const QUICK = { kill: 4, stop: 300 } as const;

interface Case {
	readonly scenario: string;
	readonly actor: number;
	readonly role: string;
	readonly point: number;
	readonly hit: number;
	/** It has come so far each time; else it depends on who comes first. */
	readonly isSure: boolean;
}

type Mode = keyof typeof SIGNALS;

interface Passed extends Omit<Case, "hit" | "isSure"> {
	readonly isVictim: boolean;
	readonly fewest: number;
	readonly most: number;
}

function run(command: string, args: readonly string[], what: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const child = spawn(command, [...args], { stdio: ["ignore", "inherit", "inherit"] });
		child.on("error", reject);
		child.on("close", (status) =>
			status === 0 ? resolve() : reject(new Error(`${command} could not build ${what}: ${status}`)),
		);
	});
}

async function compile(): Promise<void> {
	const compiler = findCompiler();
	mkdirSync(BUILD, { recursive: true });
	const flags = [...commonFlags, "-O1", "-g", "-D_GNU_SOURCE="];
	// Macros in the arguments of macros shadow, and convert what the library does not: its own build looks for that.
	const faulty = [...flags, "-Wno-shadow", "-Wno-conversion", "-Wno-unused-value", "-include", "native/fault/fault.h"];
	const steps = [
		...globSync("native/src/*.c").map((source) => ({ source, flags: faulty })),
		{ source: "native/src/platform/linux.c", flags: [...faulty, "-DFAULT_PLATFORM"] },
		// What it stores goes to tables of the process's own, or into memory that has been cut off from the file.
		{ source: "native/src/platform/fault.c", flags },
		...globSync("native/fault/*.c").map((source) => ({ source, flags })),
	].map((step) => ({ ...step, output: `${BUILD}/${step.source.replaceAll("/", "_").replace(/\.c$/, ".o")}` }));
	const left = steps.values();
	const lane = async (): Promise<void> => {
		for (const { source, flags: its, output } of left)
			await run(compiler, [...its, "-c", source, "-o", output], source);
	};
	await Promise.all(Array.from({ length: availableParallelism() }, lane));
	await run(compiler, [...steps.map(({ output }) => output), "-o", PROGRAM, ...linkFlags], PROGRAM);
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

/** In full: all of them. Quick: some of each point, the same ones each time. */
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
	await compile();
	const points: string[] = [];
	await talk(["points"], [], ([, text = ""]) => points.push(text));

	const problems: string[] = [];
	const passed: Passed[] = [];
	const scenarios = new Set<string>();
	const atOnce = Number(values["at-once"] ?? AT_ONCE.kill);
	const discover = async (isWanted: (point: number) => boolean): Promise<void> => {
		await talk(["discover", String(atOnce)], [], ([kind, scenario = "", ...fields]) => {
			scenarios.add(scenario);
			if (kind === "failed") problems.push(`${scenario}, without a fault: ${fields.join(" ")}`);
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
	// What is passed only if two come at once takes luck, and on a busy machine more of it.
	for (let attempt = 0; attempt < 10 && missing().length > 0; attempt++) {
		const wanted = new Set(missing());
		await discover((point) => wanted.has(point));
	}

	const victims = passed.filter(({ isVictim }) => isVictim);
	const reached = reachedNow();
	for (const index of missing()) problems.push(`${points[index]} is passed by no scenario`);
	for (const part of parts)
		if (!points.some((text, index) => text.endsWith(part) && !reached.has(index)))
			problems.push(`${part} is excluded, but there is no such point, or scenarios pass it`);

	const modes: Mode[] = values.quick ? ["kill", "stop"] : [values.stop ? "stop" : "kill"];
	const all = victims.flatMap(({ fewest, most, isVictim: _, ...it }): Case[] => {
		const hits = new Set([1, Math.min(2, most), fewest > 2 ? fewest : 1]);
		return [...hits].map((hit) => ({ ...it, hit, isSure: hit <= fewest }));
	});
	const wanted = all.filter((it) => values.only.every((text) => name(it, points).includes(text)));
	const pairs = new Set(wanted.map(({ role, scenario, point }) => `${scenario}/${role}/${point}`)).size;
	console.log(
		`${points.length} points, ${points.length - reached.size} of them excluded; ${scenarios.size} scenarios; ` +
			`${pairs} times a point and a role, ${wanted.length} cases`,
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
		const struck = new Set<number>();
		let slowest: Outcome | undefined;
		let survivedHere = 0;
		let missed = 0;
		const tell = (outcomes: readonly Outcome[]): void => {
			for (const outcome of outcomes) {
				if (outcome.result === "ok") {
					survivedHere++;
					struck.add(outcome.it.point);
					if (outcome.slowest > (slowest?.slowest ?? 0)) slowest = outcome;
				} else if (outcome.result === "missed") {
					missed++;
				} else {
					failed++;
					struck.add(outcome.it.point);
					console.log(`FAILED ${mode}: ${name(outcome.it, points)}: ${outcome.reason}`);
				}
			}
		};
		const atOnceHere = Number(values["at-once"] ?? AT_ONCE[mode]);
		const chosen = choose(wanted, mode, values.quick, points);
		tell(await play(chosen, SIGNALS[mode], atOnceHere));
		if (mode === "kill" && values.only.length === 0) {
			// What depends on who comes first may not have been reached: once more, wherever it may be.
			for (let attempt = 0; attempt < 30 && struck.size < reached.size; attempt++)
				tell(
					await play(
						wanted.filter(({ point }) => !struck.has(point)),
						SIGNALS[mode],
						atOnceHere,
					),
				);
			for (const point of reached)
				if (!struck.has(point)) {
					failed++;
					console.log(`FAILED kill: ${points[point]} was not reached in ${chosen.length} cases`);
				}
		}
		const seconds = ((performance.now() - begun) / 1000).toFixed(0);
		const what = mode === "kill" ? "kills" : "stops of 3 s";
		console.log(`${survivedHere} ${what} survived, at ${struck.size} points; ${missed} not reached; ${seconds} s`);
		if (slowest && mode === "kill")
			console.log(
				`slowest recovery: ${slowest.slowest.toFixed(0)} ms in ${slowest.doing} (${name(slowest.it, points)})`,
			);
		survived += survivedHere;
	}
	console.log(`${((performance.now() - started) / 1000).toFixed(0)} s in all`);
	console.log(`${survived} passed, ${failed} failed`);
	return failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
