/**
 * Fault injection at random: experiments with random topologies, sizes and policies of every kind, whose processes are killed,
 * replaced by exec and stopped at random moments. Some processes have PID namespaces of their own. Everything that arrives or
 * is locked is checked: content, order, counts, what is left behind.
 * Experiments are numbered from the seed on: `--seed N --experiments 1` runs experiment N again.
 */
import { availableParallelism } from "node:os";
import { list } from "@libipc/core";
import { commandLine, positiveNumber, wholeNumber } from "../scripts/lib/command_line.ts";
import { inLanes } from "../scripts/lib/lanes.ts";
import { endOnInterrupt } from "../scripts/lib/run.ts";
import { buildExecOnSignal } from "./exec_on_signal.ts";
import { runExperiment } from "./experiment.ts";
import { canUnshare } from "./namespaces.ts";
import { describePlan, makePlan } from "./plan.ts";

const { flags } = commandLine({
	name: "bun run chaos",
	flags: {
		minutes: {
			type: positiveNumber,
			placeholder: "<n>",
			description: "How long experiments are started (default: 5, or no limit with --experiments)",
		},
		seed: { type: wholeNumber(0), placeholder: "<n>", description: "The number of the first experiment", default: 1 },
		only: {
			type: String,
			placeholder: "<text>",
			description: 'Only experiments whose description contains the text, such as "observers", "flushes" or "queue"',
		},
		experiments: { type: wholeNumber(1), placeholder: "<n>", description: "How many experiments at most" },
	},
	help: {
		description:
			"Random topologies, sizes and policies of every kind, with processes killed, replaced by exec and stopped at random moments, some of them in PID namespaces of their own. Content, order, counts and what is left behind are checked.",
	},
});
endOnInterrupt();

await buildExecOnSignal();
if (!canUnshare) console.log("Without namespaces: this user cannot make them with `unshare`.");

const most = flags.experiments ?? Number.POSITIVE_INFINITY;
const minutes = flags.minutes ?? (flags.experiments === undefined ? 5 : Number.POSITIVE_INFINITY);
const deadline = performance.now() + minutes * 60_000;

const sums = { experiments: 0, kills: 0, execs: 0, stops: 0, messages: 0, recoveries: 0, failed: 0 };
const summary = (): string =>
	`${sums.experiments} experiments, ${sums.kills} kills, ${sums.execs} execs, ${sums.stops} stops, ${sums.messages} messages ` +
	`and changes checked, ${sums.recoveries} recoveries seen, ${sums.failed} experiments failed`;
let nextReport = performance.now() + 60_000;

function* seeds(): Generator<number> {
	let left = most;
	for (let seed = flags.seed; left > 0 && performance.now() < deadline; seed++) {
		if (flags.only !== undefined && !describePlan(makePlan(seed)).includes(flags.only)) continue;
		left--;
		yield seed;
	}
}

// Several at once, so that participants also wait for a processor at random moments.
await inLanes(
	seeds(),
	async (seed) => {
		const plan = makePlan(seed);
		const prefix = `chaos${process.pid}.${seed}`;
		const { kills, execs, stops, messages, recoveries, failures } = await runExperiment(plan, prefix);
		const left = list({ prefix }).map(({ kind, name }) => `left behind: ${kind} ${name}`);
		sums.experiments++;
		sums.kills += kills;
		sums.execs += execs;
		sums.stops += stops;
		sums.messages += messages;
		sums.recoveries += recoveries;
		if (failures.length + left.length > 0) {
			sums.failed++;
			console.error(`experiment ${seed} (${describePlan(plan)}) failed:`);
			for (const failure of [...failures, ...left]) console.error(`  ${failure}`);
		}
		if (performance.now() > nextReport) {
			nextReport += 60_000;
			console.log(summary());
		}
	},
	availableParallelism(),
);
console.log(summary());
process.exit(sums.failed === 0 && sums.kills > 0 ? 0 : 1);
