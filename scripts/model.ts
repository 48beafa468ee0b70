/**
 * Checks the models of the protocols: every native/model/*.pml, as it is and with each of its seeded faults. A model
 * passes if Spin finds no error in all of its states, a fault if Spin finds one. As many at once as there are processors.
 *
 *   bun scripts/model.ts [model | FAULT]...
 *
 * A model says at its top how it is run, one line each:
 *   config NAME -DX… what it checks      the model again with these definitions; without any such line: once, as it is
 *   fault NAME what is left out          the model again with -DNAME: it must fail
 *   fault NAME in CONFIG what…           …on top of that configuration
 */
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCompiler } from "./lib/toolchain.ts";
import { findSpin } from "./spin.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

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
	/** Whether Spin is to find an error. */
	readonly isFault: boolean;
}

interface Outcome {
	readonly passed: boolean;
	readonly result: string;
	readonly states: string;
	readonly depth: string;
	readonly output: string;
}

/** The runs that a model's prose names. Files without any are parts of others. */
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
		if (!base) throw new Error(`${file}: fault ${name} is in "${config}", which is none of its configurations.`);
		runs.push({ model, name, definitions: [...base, `-D${name}`], isFault: true });
	}
	return runs;
}

function run(
	command: string,
	args: readonly string[],
	cwd: string,
): Promise<{ status: number | null; output: string }> {
	return new Promise((resolve, reject) => {
		const child = spawn(command, [...args], { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: TIME_LIMIT_MS });
		let output = "";
		const collect = (data: Buffer): void => {
			output += data.toString();
		};
		child.stdout.on("data", collect);
		child.stderr.on("data", collect);
		child.on("error", reject);
		child.on("close", (status) => resolve({ status, output }));
	});
}

async function must(command: string, args: readonly string[], cwd: string): Promise<void> {
	const { status, output } = await run(command, args, cwd);
	if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`);
}

/** What went wrong, in Spin's words; undefined: nothing did. */
function errorOf(output: string): string | undefined {
	const [, found] = output.match(/^pan:1: (.*) \(at depth \d+\)$/m) ?? [];
	return found;
}

async function check(spin: string, compiler: string, it: Run, directory: string): Promise<Outcome> {
	const source = fileURLToPath(new URL(`../${MODELS}/${it.model}.pml`, import.meta.url));
	await must(spin, [...it.definitions, "-a", source], directory);
	// COLLAPSE keeps states small, SAFETY leaves out what only liveness needs. A fault is found sooner than code is optimised.
	const flags = [it.isFault ? "-O0" : "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", `-DMEMLIM=${MEMORY_MB}`];
	await must(compiler, [...flags, "-o", "pan", "pan.c"], directory);
	const { status, output } = await run(join(directory, "pan"), ["-m1000000"], directory);
	const error = errorOf(output);
	const isWhole =
		status === 0 && /errors: 0$/m.test(output) && !/max search depth too small|out of memory/.test(output);
	const states = output.match(/^\s*(\d+) states, stored/m)?.[1] ?? "?";
	const depth = output.match(/depth reached (\d+)/)?.[1] ?? "?";
	const told = { states, depth, output };
	if (it.isFault) {
		if (error) return { ...told, passed: true, result: `found: ${error}` };
		return { ...told, passed: false, result: isWhole ? "NOT FOUND" : "NOT FINISHED" };
	}
	if (error) return { ...told, passed: false, result: `FAILED: ${error}` };
	return { ...told, passed: isWhole, result: isWhole ? "holds" : "NOT FINISHED" };
}

/** Checks one and prints what came of it. */
async function tell(spin: string, compiler: string, it: Run, directory: string): Promise<boolean> {
	const started = performance.now();
	const { passed, result, states, depth, output } = await check(spin, compiler, it, directory);
	const seconds = ((performance.now() - started) / 1000).toFixed(1);
	console.log(
		`${it.model.padEnd(12)} ${it.name.padEnd(26)} ${states.padStart(9)} states  depth ${depth.padStart(6)}  ` +
			`${seconds.padStart(5)} s  ${result}`,
	);
	if (!passed) {
		console.log(output.replace(/^(?=.)/gm, "    ").trimEnd());
		const again = [...it.definitions, "-a", `${MODELS}/${it.model}.pml`].join(" ");
		console.log(`    To see the steps: spin ${again}, cc -o pan pan.c, ./pan, spin -t -p with the same definitions`);
	}
	return passed;
}

async function main(): Promise<boolean> {
	const all = globSync(`${MODELS}/*.pml`).sort().flatMap(runsOf);
	const chosen = process.argv.slice(2);
	const names = new Set(all.flatMap(({ model, name }) => [model, name]));
	const unknown = chosen.find((name) => !names.has(name));
	if (unknown) throw new Error(`There is no "${unknown}". Choose from: ${[...names].filter(Boolean).join(", ")}`);
	const runs = all.filter(
		({ model, name }) => chosen.length === 0 || chosen.includes(model) || (name !== "" && chosen.includes(name)),
	);
	const spin = findSpin();
	if (!spin) throw new Error(process.env.SPIN ? `SPIN is set to "${process.env.SPIN}", which does not run.` : INSTALL);
	const compiler = findCompiler();
	let failed = 0;
	// What takes longest first, lest it be left over for one processor.
	const left = runs.toSorted((one, other) => Number(one.isFault) - Number(other.isFault)).values();
	const lane = async (): Promise<void> => {
		for (const it of left) {
			const directory = mkdtempSync(join(tmpdir(), "libipc-model-"));
			try {
				if (!(await tell(spin, compiler, it, directory))) failed++;
			} finally {
				rmSync(directory, { recursive: true, force: true });
			}
		}
	};
	await Promise.all(Array.from({ length: availableParallelism() }, lane));
	console.log(`${runs.length - failed} passed, ${failed} failed`);
	return failed === 0;
}

try {
	if (!(await main())) process.exitCode = 1;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
}
