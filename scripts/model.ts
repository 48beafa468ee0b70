/**
 * Checks the models of the protocols: every native/model/*.pml, as it is and with each of its seeded faults. A model
 * passes if Spin finds no error in all of its states, a fault if Spin finds one. As many at once as there are processors.
 *
 * A model states at its top how it is run, one line each:
 *   config NAME -DX… what it checks      the model again with these definitions; without any such line: once, as it is
 *   fault NAME what is left out          the model again with -DNAME: it must fail
 *   fault NAME in CONFIG what…           …in addition to that configuration
 */
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { commandLine } from "./lib/command_line.ts";
import { inLanes } from "./lib/lanes.ts";
import { root } from "./lib/repository.ts";
import { must, run } from "./lib/run.ts";
import { closingLine, type Sums } from "./lib/sums.ts";
import { findCompiler } from "./lib/toolchain.ts";
import { findSpin } from "./spin.ts";

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

/** What went wrong, in Spin's words; undefined if nothing did. */
function errorOf(output: string): string | undefined {
	const [, found] = output.match(/^pan:1: (.*) \(at depth \d+\)$/m) ?? [];
	return found;
}

async function check(spin: string, compiler: string, it: Run, directory: string): Promise<Outcome> {
	const source = join(root, MODELS, `${it.model}.pml`);
	await must([spin, ...it.definitions, "-a", source], { cwd: directory });
	// COLLAPSE keeps states small, SAFETY leaves out what only liveness needs. To find a fault takes less time than to optimise.
	const flags = [it.isFault ? "-O0" : "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", `-DMEMLIM=${MEMORY_MB}`];
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
		console.log(output.replace(/^(?=.)/gm, "    ").trimEnd());
		const again = [...it.definitions, "-a", `${MODELS}/${it.model}.pml`].join(" ");
		console.log(`    To see the steps: spin ${again}, cc -o pan pan.c, ./pan, spin -t -p with the same definitions`);
	}
	return passed;
}

async function main(): Promise<boolean> {
	const { _ } = commandLine({
		name: "bun run model",
		parameters: ["[names...]"],
		help: {
			description:
				"Checks all states of the models in native/model, and that their seeded faults are found. Names choose models and faults. Needs Spin.",
		},
	});
	const chosen = _.names;
	const all = globSync(`${MODELS}/*.pml`).sort().flatMap(runsOf);
	const names = new Set(all.flatMap(({ model, name }) => [model, name]));
	const unknown = chosen.find((name) => !names.has(name));
	if (unknown) throw new Error(`There is no "${unknown}". Choose from: ${[...names].filter(Boolean).join(", ")}`);
	const runs = all.filter(
		({ model, name }) => chosen.length === 0 || chosen.includes(model) || (name !== "" && chosen.includes(name)),
	);
	const spin = findSpin();
	if (!spin) throw new Error(process.env.SPIN ? `SPIN is set to "${process.env.SPIN}", which does not run.` : INSTALL);
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
	console.log(closingLine(sums));
	return sums.failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
