/** Runs the tests, with one line of progress, the failures at the end, and the sums as the last line. */
import { mkdirSync, writeFileSync } from "node:fs";
import { commandLine } from "./lib/command_line.ts";
import { Progress } from "./lib/progress.ts";
import { root } from "./lib/repository.ts";
import { run } from "./lib/run.ts";
import { closingLine, type Sums, sumsOf } from "./lib/sums.ts";
import { allSteps, quickSteps, type Step } from "./test_steps.ts";

const ids = [...new Set([...quickSteps, ...allSteps].map(({ id }) => id))];
const { flags, _ } = commandLine({
	name: "bun run test",
	parameters: ["[steps...]"],
	flags: {
		all: { type: Boolean, description: "Everything (bun run test:all): 25 minutes at most, not 4", default: false },
	},
	help: { description: `Runs all steps, or the given ones: ${ids.join(", ")}.` },
});
process.chdir(root);

const LOGS = "build/test";
/** No step takes this long, not even on a slow machine. Most steps have shorter limits for each of their programs. */
const STEP_TIMEOUT_MS = 60 * 60_000;
/** Of the last line of a step, in the line of progress. */
const MOST_COLUMNS = 60;
/** Of the output of a step that failed; the log has all of it. */
const MOST_LINES = 200;

const unknown = _.steps.find((id) => !ids.includes(id));
if (unknown) {
	console.error(`There is no step "${unknown}". Choose from: ${ids.join(", ")}`);
	process.exit(2);
}
const steps = (flags.all ? allSteps : quickSteps).filter(({ id }) => _.steps.length === 0 || _.steps.includes(id));

const sums: Sums = { passed: 0, failed: 0 };
const skipped: string[] = [];
const failures: { readonly step: Step; readonly output: string }[] = [];
const running = new Map<Step, { readonly started: number; lastLine: string }>();
const begun = performance.now();

const seconds = (since: number): string => `${Math.round((performance.now() - since) / 1000)} s`;

const progress = new Progress(
	() =>
		`${seconds(begun)}, ${closingLine(sums)}; ${[...running].map(([{ id }, { lastLine }]) => `${id}: ${lastLine}`).join(" | ")}`,
);

/** What bun test has counted; undefined if it has not come to its end. */
function sumsOfBunTest(output: string): (Sums & { skipped: number }) | undefined {
	const last = (word: string): number | undefined => {
		const text = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1];
		return text === undefined ? undefined : Number(text);
	};
	const [passed, failed] = [last("pass"), last("fail")];
	return passed === undefined || failed === undefined ? undefined : { passed, failed, skipped: last("skip") ?? 0 };
}

/** A step that fails without a failed test, or that does not print its counts, is one failure. */
function count({ counts, id }: Step, status: number, output: string): Sums {
	if (counts === "nothing") return { passed: Number(status === 0), failed: Number(status !== 0) };
	const bunTest = counts === "bun test" ? sumsOfBunTest(output) : undefined;
	const line = bunTest ? /^skipped: (.*)$/gm : /^did not run, and is not counted: (.*)$/gm;
	const reasons = [...output.matchAll(line)];
	for (const [, reason] of reasons) skipped.push(`${id}: ${reason}`);
	const isUnexplained = (bunTest?.skipped ?? 0) > reasons.length;
	const found = bunTest ?? (counts === "closing line" ? sumsOf(output) : undefined);
	const isBad = status !== 0 || isUnexplained || !found || found.passed + found.failed === 0;
	return { passed: found?.passed ?? 0, failed: Math.max(found?.failed ?? 0, Number(isBad)) };
}

async function runStep(step: Step): Promise<boolean> {
	const missing = await step.missing?.();
	if (missing) {
		skipped.push(`${step.id} (${step.title}): ${missing}`);
		return true;
	}
	const state = { started: performance.now(), lastLine: "" };
	running.set(step, state);
	const { status, output } = await run(step.command, {
		timeout: STEP_TIMEOUT_MS,
		env: step.env ?? {},
		onOutput: (text) => {
			const line = text.trimEnd().split("\n").at(-1)?.trim();
			if (line) state.lastLine = line.slice(0, MOST_COLUMNS);
		},
	});
	running.delete(step);
	writeFileSync(`${LOGS}/${step.id}.log`, output);
	const { passed, failed } = count(step, status, output);
	sums.passed += passed;
	sums.failed += failed;
	if (failed > 0) failures.push({ step, output });
	const verdict = failed > 0 ? "FAILED" : "passed";
	progress.print(
		`${verdict}  ${step.id} (${step.title}): ${closingLine({ passed, failed })}, ${seconds(state.started)}`,
	);
	return failed === 0;
}

async function runLane(lane: Step["lane"]): Promise<boolean> {
	let good = true;
	for (const step of steps) if (step.lane === lane && !(await runStep(step))) good = false;
	return good;
}

mkdirSync(LOGS, { recursive: true });
await runLane("first");
// Without the library nothing else can pass.
if (!failures.some(({ step }) => step.id === "build")) {
	await Promise.all([runLane("a"), runLane("b")]);
	await runLane("last");
}
progress[Symbol.dispose]();

for (const { step, output } of failures) {
	const lines = output.split("\n").filter((line) => !step.noise?.test(line));
	console.log(`\n# ${step.id} failed; all of its output is in ${LOGS}/${step.id}.log`);
	console.log(lines.slice(-MOST_LINES).join("\n").trim());
}
if (skipped.length > 0) console.log(`\nnot run, and not counted:\n${skipped.map((text) => `  ${text}`).join("\n")}`);
console.log(`\n${seconds(begun)}`);
console.log(closingLine(sums));
process.exit(sums.failed === 0 ? 0 : 1);
