/**
 * Random topologies, sizes and policies of every kind, processes killed and stopped at random moments, and everything
 * that arrives, or is locked, checked: content, order, counts, and what is left behind.
 *
 *   bun run chaos [--minutes N] [--seed N] [--rounds N]
 *
 * Rounds are numbered from the seed on; `--seed N --rounds 1` plays round N again.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { list } from "@libipc/core";
import { describePlan, makePlan } from "./plan.ts";
import { playRound } from "./round.ts";

const { values } = parseArgs({
	options: { minutes: { type: "string" }, seed: { type: "string", default: "1" }, rounds: { type: "string" } },
});

function positive(name: "minutes" | "rounds", standard: number): number {
	const number = values[name] === undefined ? standard : Number(values[name]);
	if (!(number > 0)) throw new Error(`--${name} must be a number above 0, not "${values[name]}"`);
	return number;
}

const first = Number(values.seed);
if (!Number.isSafeInteger(first) || first < 0)
	throw new Error(`--seed must be a whole number from 0 on, not "${values.seed}"`);
const rounds = positive("rounds", Number.POSITIVE_INFINITY);
const minutes = positive("minutes", values.rounds === undefined ? 5 : Number.POSITIVE_INFINITY);
const deadline = performance.now() + minutes * 60_000;

const sums = { rounds: 0, kills: 0, stops: 0, messages: 0, recoveries: 0, failed: 0 };
const summary = (): string =>
	`${sums.rounds} rounds, ${sums.kills} kills, ${sums.stops} stops, ${sums.messages} messages and changes checked, ` +
	`${sums.recoveries} recoveries seen, ${sums.failed} rounds failed`;
let nextReport = performance.now() + 60_000;
let seed = first;

async function play(): Promise<void> {
	while (performance.now() < deadline && seed < first + rounds) {
		const plan = makePlan(seed++);
		const prefix = `chaos${process.pid}.${plan.seed}`;
		const { kills, stops, messages, recoveries, failures } = await playRound(plan, prefix);
		const left = list({ prefix }).map(({ kind, name }) => `left behind: ${kind} ${name}`);
		sums.rounds++;
		sums.kills += kills;
		sums.stops += stops;
		sums.messages += messages;
		sums.recoveries += recoveries;
		if (failures.length + left.length > 0) {
			sums.failed++;
			console.error(`round ${plan.seed} (${describePlan(plan)}) failed:`);
			for (const failure of [...failures, ...left]) console.error(`  ${failure}`);
		}
		if (performance.now() > nextReport) {
			nextReport += 60_000;
			console.log(summary());
		}
	}
}

// More rounds than processors: who has to wait for its processor is stopped at odd moments, too.
await Promise.all(Array.from({ length: availableParallelism() }, play));
console.log(summary());
process.exit(sums.failed === 0 && sums.kills > 0 ? 0 : 1);
