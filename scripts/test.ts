/**
 * Everything that must hold, in one command: static checks, the C tests with and without sanitizers, the tests of the
 * packages. The last line is the sum over all of them.
 *
 *   bun run test
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findSpin, QUICK_MODELS } from "./spin.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

interface Step {
	readonly name: string;
	readonly command: string[];
	/** Finds the counts in what the step printed; a step without is one test by itself. */
	readonly counts?: RegExp;
}

const bun = process.execPath;
const hasSpin = findSpin() !== undefined;

const steps: Step[] = [
	{ name: "build", command: [bun, "scripts/build_native.ts"] },
	{ name: "lint and format", command: [bun, "x", "biome", "check", "--error-on-warnings", "."] },
	{ name: "types", command: [bun, "x", "tsc", "--noEmit"] },
	{ name: "C tests", command: [bun, "scripts/test_native.ts"], counts: /(\d+) passed, (\d+) failed/ },
	{
		name: "kept inputs of the fuzzers",
		command: [bun, "scripts/fuzz.ts", "--replay"],
		counts: /(\d+) passed, (\d+) failed/,
	},
	{ name: "chaos, 20 s", command: [bun, "chaos/chaos.ts", "--minutes", "0.33"] },
	// Its points and signals are Linux's.
	...(process.platform === "linux"
		? [
				{
					name: "faults, quick",
					command: [bun, "scripts/faults.ts", "--quick"],
					counts: /(\d+) passed, (\d+) failed/,
				},
			]
		: []),
	...(hasSpin
		? [
				{
					name: "models, the quick ones",
					command: [bun, "scripts/model.ts", ...QUICK_MODELS],
					counts: /(\d+) passed, (\d+) failed/,
				},
			]
		: []),
	{ name: "soak, 10 s", command: [bun, "soak/soak.ts", "--minutes", "0.17"] },
	{
		name: "conformance, every engine and runtime",
		command: [bun, "scripts/conformance.ts"],
		counts: /(\d+) passed, (\d+) failed/,
	},
	// Machines are slow at times: what has no limit of its own gets 20 s, not Bun's 5.
	{ name: "packages", command: [bun, "test", "--timeout", "20000"], counts: /(\d+) pass\n\s*(\d+) fail/ },
];

/** Runs a step with its output shown as it comes, and answers the output and the exit status. */
function run([program = "", ...args]: string[]): Promise<{ output: string; status: number }> {
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
		let output = "";
		const show = (chunk: Buffer) => {
			output += chunk;
			process.stdout.write(chunk);
		};
		child.stdout.on("data", show);
		child.stderr.on("data", show);
		child.on("error", reject);
		child.on("close", (status) => resolve({ output, status: status ?? 1 }));
	});
}

let passed = 0;
let failed = 0;
const failedSteps: string[] = [];
for (const { name, command, counts } of steps) {
	console.log(`\n# ${name}`);
	const { output, status } = await run(command);
	const found = counts && [...output.matchAll(new RegExp(counts, "g"))].at(-1);
	const failures = found ? Number(found[2]) : 0;
	passed += found ? Number(found[1]) : Number(status === 0 && !counts);
	// A step that fails without naming a failed test, or that prints no counts, is a failure too.
	const here = failures > 0 ? failures : Number(status !== 0 || (counts !== undefined && !found));
	failed += here;
	if (here > 0) failedSteps.push(name);
	if (name === "build" && status !== 0) break;
}
if (!hasSpin)
	console.log(
		"\nNOT RUN, and not counted: the models of the protocols, for Spin was not found (bun run model says how to get it)",
	);
if (failedSteps.length > 0) console.log(`\nfailed: ${failedSteps.join(", ")}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
