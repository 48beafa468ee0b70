/** What shows that libipc can be trusted, in about five minutes. Each step has longer runs: docs/verification.md. */
import { commandLine } from "./lib/command_line.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { closingLine, type Sums } from "./lib/sums.ts";
import { QUICK_MODELS } from "./spin.ts";

commandLine({
	name: "bun run verify",
	help: {
		description:
			"Kills and stops before each store, chaos, fuzzing and models, in about five minutes. Needs clang with libFuzzer, and Spin.",
	},
});
process.chdir(root);

const steps: readonly (readonly [name: string, script: string, ...args: string[]])[] = [
	["kills and stops before each store", "scripts/faults.ts", "--quick"],
	["chaos", "chaos/chaos.ts", "--minutes", "1.5"],
	["fuzzing (needs clang)", "scripts/fuzz.ts", "--seconds", "20"],
	["models and their seeded faults (needs Spin)", "scripts/model.ts", ...QUICK_MODELS],
];

const sums: Sums = { passed: 0, failed: 0 };
for (const [name, ...args] of steps) {
	console.log(`\n# ${name}`);
	const { status, milliseconds } = await run([process.execPath, ...args], { show: true });
	sums[status === 0 ? "passed" : "failed"]++;
	console.log(`${status === 0 ? "passed" : "FAILED"}: ${name}, ${Math.round(milliseconds / 1000)} s`);
}
console.log(`\n${closingLine(sums)}`);
process.exitCode = sums.failed === 0 ? 0 : 1;
