/**
 * What proves that libipc can be trusted, in some five minutes: kills and stops before each store, chaos, fuzzing, models.
 * `bun run test` has a shorter version; each has longer ones of its own (docs/verification.md).
 *
 *   bun run verify
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { QUICK_MODELS } from "./spin.ts";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const steps: readonly (readonly [name: string, script: string, ...args: string[]])[] = [
	["kills and stops before each store", "scripts/faults.ts", "--quick"],
	["chaos", "chaos/chaos.ts", "--minutes", "1.5"],
	["fuzzing (needs clang)", "scripts/fuzz.ts", "--seconds", "20"],
	["models and their seeded faults (needs spin)", "scripts/model.ts", ...QUICK_MODELS],
];

let failed = 0;
for (const [name, ...args] of steps) {
	console.log(`\n# ${name}`);
	const started = performance.now();
	const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
	if (status !== 0) failed++;
	console.log(`${status === 0 ? "passed" : "FAILED"}: ${name}, ${Math.round((performance.now() - started) / 1000)} s`);
}
console.log(`\n${steps.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
