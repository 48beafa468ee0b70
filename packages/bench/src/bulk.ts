/**
 * Many small messages at once, large ones, and loans: what batches, fragments and writing in place are for.
 *
 *   bun run bench:bulk [options]
 */
import { writeFileSync } from "node:fs";
import { BulkPair } from "./bulk/bulk_pair.ts";
import { measureBatches, measureLarge, measureLoans, measureMemcpy } from "./bulk/measure.ts";
import { integerOption, parseOptions } from "./command/arguments.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { runCommand } from "./command/run_command.ts";
import { newTable } from "./command/table.ts";
import { BaselineProgram } from "./launcher/baseline_program.ts";
import { median } from "./statistics/statistics.ts";

const HELP = `bun run bench:bulk [options]

Measures batches of small messages, messages of 1 MiB, and loans, from one process to another.

  --runs N      measured runs of each, in turns    (9)
  --json FILE   write the results as JSON
  --help        this text`;

const MIB = 1 << 20;
const SMALL = 128;
const SMALL_COUNT = 500_000;
const LARGE_COUNT = 500;
const LOANS = 500;

await runCommand(async (signal) => {
	const options = parseOptions({
		runs: { type: "string", default: "9" },
		json: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	const runs = integerOption("runs", options.runs, 1, 1000);
	const host = machine();
	console.log(`${describeMachine(host)}\n`);
	await using small = new BulkPair(MIB);
	await using roomy = new BulkPair(16 * MIB);
	await using baseline = new BaselineProgram(
		{ senders: 1, receivers: 1, count: SMALL_COUNT, min: SMALL, max: SMALL, ringBytes: MIB },
		signal,
	);
	const measured = new Map<string, number[]>();
	const note = (what: string, value: number): void => void measured.set(what, [...(measured.get(what) ?? []), value]);
	for (let run = -1; run < runs; run++) {
		signal.throwIfAborted();
		const noted = run < 0 ? () => {} : note;
		noted("batch", measureBatches(small, SMALL, SMALL_COUNT));
		noted("baseline", (await baseline.round()) / SMALL_COUNT);
		noted("fragments", measureLarge(small, "recvInto", MIB, LARGE_COUNT));
		noted("whole", measureLarge(roomy, "recvInto", MIB, LARGE_COUNT));
		noted("in place", measureLarge(roomy, "drain", MIB, LARGE_COUNT));
		noted("one source", measureMemcpy(MIB, 1, LARGE_COUNT));
		noted("many sources", measureMemcpy(MIB, 64, LARGE_COUNT));
		noted("64 B", measureLoans(roomy, 64, LOANS));
		noted("4 MiB", measureLoans(roomy, 4 * MIB, LOANS));
	}
	const value = (what: string): number => median(measured.get(what) ?? []);
	const ratio = (a: string, b: string): string =>
		median((measured.get(a) ?? []).map((each, run) => each / (measured.get(b)?.[run] ?? each))).toFixed(2);

	const batches = newTable([`${SMALL}-byte messages`, "ns/message"], ["left", "right"]);
	batches.push(
		["sendBatch → drainBatch", value("batch").toFixed(1)],
		["baseline in C, one by one", value("baseline").toFixed(1)],
	);
	console.log(`${batches.toString()}\nlibipc ÷ baseline: ${ratio("batch", "baseline")}\n`);

	const large = newTable(["1 MiB messages", "GB/s", "÷ memcpy 64", "÷ memcpy 1"], ["left", "right", "right", "right"]);
	for (const [title, what] of [
		["ring of 1 MiB, in fragments, send → recvInto", "fragments"],
		["ring of 16 MiB, whole, send → recvInto", "whole"],
		["ring of 16 MiB, whole, send → drain", "in place"],
		["memcpy in one process, 64 different messages", "many sources"],
		["memcpy in one process, always the same", "one source"],
	] as const)
		large.push([title, value(what).toFixed(1), ratio(what, "many sources"), ratio(what, "one source")]);
	console.log(
		`${large.toString()}\n÷ memcpy: of as many bytes in the same run, out of 64 MiB (as messages come from memory) or out of one that stays in the cache.\n`,
	);

	const loans = newTable(["loan.send() → drain", "p50 µs"], ["left", "right"]);
	for (const what of ["64 B", "4 MiB"]) loans.push([what, (value(what) / 1000).toFixed(2)]);
	console.log(`${loans.toString()}\n4 MiB ÷ 64 B: ${ratio("4 MiB", "64 B")} (budget 1.5)`);
	if (typeof options.json === "string")
		writeFileSync(
			options.json,
			`${JSON.stringify({ machine: host, runs: Object.fromEntries(measured) }, null, "\t")}\n`,
		);
	return 0;
});
