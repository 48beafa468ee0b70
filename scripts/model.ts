/**
 * Checks the models of the protocols: every native/model/*.pml, as it is and with each of its seeded faults. A model
 * passes if Spin finds no error in all of its states, a fault if Spin finds one. As many at once as there are processors.
 *
 * A model states at its top how it is run, one line each:
 *   config NAME -DX… what it checks      the model again with these definitions; without any such line: once, as it is
 *   fault NAME what is left out          the model again with -DNAME: it must fail
 *   fault NAME in CONFIG what…           …in addition to that configuration
 *
 * Then the harnesses of native/model/genmc, if GenMC is on this machine: see genmc.ts.
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
	checkByGenmc,
	findGenmc,
	type HarnessRun,
	harnessNames,
	harnessRuns,
	nameOf,
	ThreadHarnesses,
} from "./genmc.ts";
import { commandLine } from "./lib/command_line.ts";
import { inLanes } from "./lib/lanes.ts";
import { root } from "./lib/repository.ts";
import { must, run } from "./lib/run.ts";
import { closingLine, type Sums } from "./lib/sums.ts";
import { findCompiler } from "./lib/toolchain.ts";
import { findSpin, QUICK_MODELS } from "./spin.ts";

process.chdir(root);

const MODELS = "native/model";
const MEMORY_MB = 1900;
const TIME_LIMIT_MS = 300_000;

const INSTALL = `Spin was not found: tried $SPIN and spin. Install it:
  Debian, Ubuntu   apt-get install spin
  Arch             yay -S spin
  macOS            brew install spin
or build it from https://github.com/nimble-code/Spin and set SPIN to its path.`;

interface Run {
	readonly model: string;
	readonly name: string;
	readonly definitions: readonly string[];
	/** Whether Spin must find an error. */
	readonly isFault: boolean;
}

interface Outcome {
	readonly passed: boolean;
	readonly result: string;
	readonly states: string;
	readonly depth: string;
	readonly output: string;
}

/** The runs that the comment of a model names. Files without any are parts of others. */
function runsOf(file: string): Run[] {
	const model = basename(file, ".pml");
	const text = readFileSync(file, "utf8");
	if (!/^ \* Invariant: /m.test(text)) return [];
	const configs = new Map<string, string[]>();
	for (const [, name = "", flags = ""] of text.matchAll(/^ \* config (\S+)((?: -D\S+)*)/gm))
		configs.set(name, flags.split(" ").filter(Boolean));
	const correct = configs.size > 0 ? [...configs] : ([["", []]] as const);
	const runs: Run[] = correct.map(([name, definitions]) => ({ model, name, definitions, isFault: false }));
	for (const [, name = "", config = ""] of text.matchAll(/^ \* fault (\S+)(?: in (\S+))?/gm)) {
		const base = config ? configs.get(config) : [];
		if (!base) throw new Error(`${file}: fault ${name} is in "${config}", which is not one of its configurations.`);
		runs.push({ model, name, definitions: [...base, `-D${name}`], isFault: true });
	}
	return runs;
}

/** The output of a run that failed, below the line that says so. */
const indented = (output: string): string => output.replace(/^(?=.)/gm, "    ").trimEnd();

/** What went wrong, in Spin's words; undefined if nothing did. */
function errorOf(output: string): string | undefined {
	const [, found] = output.match(/^pan:1: (.*) \(at depth \d+\)$/m) ?? [];
	return found;
}

async function check(spin: string, compiler: string, it: Run, directory: string): Promise<Outcome> {
	const source = join(root, MODELS, `${it.model}.pml`);
	await must([spin, ...it.definitions, "-a", source], { cwd: directory });
	// SAFETY leaves out what only liveness needs. COLLAPSE keeps states small, and takes a third more time: the quick models fit into
	// memory without it. To find a fault takes less time than to optimise, and to optimise fully takes longer than a quick model saves.
	const isQuick = QUICK_MODELS.some((model) => model === it.model);
	const flags = [it.isFault ? "-O0" : isQuick ? "-O1" : "-O2", "-w", "-DSAFETY", `-DMEMLIM=${MEMORY_MB}`];
	if (!isQuick) flags.push("-DCOLLAPSE");
	await must([compiler, ...flags, "-o", "pan", "pan.c"], { cwd: directory });
	const { status, output } = await run([join(directory, "pan"), "-m1000000"], {
		cwd: directory,
		timeout: TIME_LIMIT_MS,
	});
	const error = errorOf(output);
	const isWhole =
		status === 0 &&
		/errors: 0$/m.test(output) &&
		!/max search depth too small|out of memory|Search not completed/.test(output);
	const states = output.match(/^\s*(\d+) states, stored/m)?.[1] ?? "?";
	const depth = output.match(/depth reached (\d+)/)?.[1] ?? "?";
	const seen = { states, depth, output };
	if (it.isFault) {
		if (error) return { ...seen, passed: true, result: `found: ${error}` };
		return { ...seen, passed: false, result: isWhole ? "NOT FOUND" : "NOT FINISHED" };
	}
	if (error) return { ...seen, passed: false, result: `FAILED: ${error}` };
	return { ...seen, passed: isWhole, result: isWhole ? "holds" : "NOT FINISHED" };
}

/** Checks one and prints the result. */
async function report(spin: string, compiler: string, it: Run, directory: string): Promise<boolean> {
	const started = performance.now();
	const { passed, result, states, depth, output } = await check(spin, compiler, it, directory);
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	console.log(`${it.model} ${it.name}: ${result}; ${states} states, depth ${depth}, ${seconds} s`);
	if (!passed) {
		console.log(indented(output));
		const again = [...it.definitions, "-a", `${MODELS}/${it.model}.pml`].join(" ");
		console.log(`    To see the steps: spin ${again}, cc -o pan pan.c, ./pan, spin -t -p with the same definitions`);
	}
	return passed;
}

/** Runs the harnesses as programs with threads: in CI, where there is no GenMC. */
async function runWithThreads(chosen: readonly string[]): Promise<Sums> {
	const sums: Sums = { passed: 0, failed: 0 };
	const harnesses = new ThreadHarnesses();
	await harnesses.build((harness) => chosen.length === 0 || chosen.includes(`genmc/${harness}`));
	for await (const { name, passed, result, output, seconds } of harnesses.run()) {
		sums[passed ? "passed" : "failed"]++;
		console.log(`genmc/${name}, with threads: ${result}, ${seconds.toFixed(1)} s`);
		if (!passed) console.log(indented(output));
	}
	return sums;
}

/** Runs the harnesses under GenMC. Without it, says so. */
async function runByGenmc(runs: readonly HarnessRun[], sums: Sums): Promise<void> {
	const genmc = findGenmc();
	if (typeof genmc === "string") {
		if (runs.length > 0) console.log(`did not run, and is not counted: ${runs.length} runs of GenMC. ${genmc}`);
		return;
	}
	await inLanes(runs, async (it) => {
		const started = performance.now();
		const { passed, result, output } = await checkByGenmc(genmc, it);
		sums[passed ? "passed" : "failed"]++;
		console.log(`${nameOf(it)}: ${result}, ${((performance.now() - started) / 1000).toFixed(1)} s`);
		if (!passed) console.log(indented(output));
	});
}

async function main(): Promise<boolean> {
	const { flags, _ } = commandLine({
		name: "bun run model",
		parameters: ["[names...]"],
		flags: {
			threads: {
				type: Boolean,
				description: "Only the harnesses of GenMC, without it: as programs with threads",
				default: false,
			},
		},
		help: {
			description:
				"Checks all states of the models in native/model by Spin, all executions of the harnesses in native/model/genmc by GenMC, and that their seeded faults are found. Names choose models, harnesses (genmc/ring) and faults. Needs Spin.",
		},
	});
	const chosen = _.names;
	const all = globSync(`${MODELS}/*.pml`).sort().flatMap(runsOf);
	const harnesses = harnessRuns();
	const names = new Set([
		...all.flatMap(({ model, name }) => [model, name]),
		...harnessNames().map((harness) => `genmc/${harness}`),
		...harnesses.map(({ fault }) => fault?.name ?? ""),
	]);
	const unknown = chosen.find((name) => !names.has(name));
	if (unknown) throw new Error(`There is no "${unknown}". Choose from: ${[...names].filter(Boolean).join(", ")}`);
	const runs = all.filter(
		({ model, name }) => chosen.length === 0 || chosen.includes(model) || (name !== "" && chosen.includes(name)),
	);
	const chosenHarnesses = harnesses.filter(
		({ harness, fault }) =>
			chosen.length === 0 || chosen.includes(`genmc/${harness}`) || chosen.includes(fault?.name ?? ""),
	);
	if (flags.threads) {
		const sums = await runWithThreads(chosen);
		console.log(closingLine(sums));
		return sums.failed === 0;
	}
	const spin = runs.length > 0 ? findSpin() : "";
	if (spin === undefined)
		throw new Error(process.env.SPIN ? `SPIN is set to "${process.env.SPIN}", which does not run.` : INSTALL);
	const compiler = findCompiler();
	const sums: Sums = { passed: 0, failed: 0 };
	// The longest first, so that no processor is left alone with one at the end.
	await inLanes(
		runs.toSorted((one, other) => Number(one.isFault) - Number(other.isFault)),
		async (it) => {
			const directory = mkdtempSync(join(tmpdir(), "libipc-model-"));
			try {
				sums[(await report(spin, compiler, it, directory)) ? "passed" : "failed"]++;
			} finally {
				rmSync(directory, { recursive: true, force: true });
			}
		},
	);
	await runByGenmc(chosenHarnesses, sums);
	console.log(closingLine(sums));
	return sums.failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
