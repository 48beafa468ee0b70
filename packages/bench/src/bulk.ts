/**
 * Many small messages at once, large messages, and loans: what batches, fragments and writing in place gain.
 *
 *   bun run bench:bulk [options]
 */
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { BulkPair } from "./bulk/bulk_pair.ts";
import { measureBatches, measureLarge, measureLoans, measureMemcpy } from "./bulk/measure.ts";
import { batchTable, largeTable, loanTable } from "./bulk/tables.ts";
import { jsonFlag, runsFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { NativeProgram } from "./launcher/native_program.ts";
import { Series } from "./statistics/series.ts";

const NAME = "bun run bench:bulk";

const MIB = 1 << 20;
const SMALL = 128;
const SMALL_COUNT = 500_000;
const LARGE_COUNT = 500;
const LOANS = 500;

const { flags } = commandLine({
	name: NAME,
	flags: { runs: runsFlag(9), json: jsonFlag },
	help: {
		description: `Measures batches of small messages, messages of 1 MiB, and loans, from one process to another.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	const { runs } = flags;
	console.log(`${describeMachine(machine())}\n`);
	await using small = new BulkPair(MIB, signal);
	await using large = new BulkPair(16 * MIB, signal);
	await using baseline = new NativeProgram({
		program: "baseline",
		args: [1, 1, SMALL_COUNT, SMALL, SMALL, MIB],
		signal,
	});
	using progress = new Progress();
	const series = new Series();
	for (let run = -1; run < runs; run++) {
		progress.show(run < 0 ? "warm-up …" : `run ${run + 1} of ${runs} …`);
		const measurements: [string, () => number | Promise<number>][] = [
			["batch", () => measureBatches(small, SMALL, SMALL_COUNT)],
			["baseline", async () => (await baseline.round()) / SMALL_COUNT],
			["fragments", () => measureLarge(small, "recvInto", MIB, LARGE_COUNT)],
			["whole", () => measureLarge(large, "recvInto", MIB, LARGE_COUNT)],
			["in place", () => measureLarge(large, "drain", MIB, LARGE_COUNT)],
			["one source", () => measureMemcpy(MIB, 1, LARGE_COUNT)],
			["many sources", () => measureMemcpy(MIB, 64, LARGE_COUNT)],
			["64 B", () => measureLoans(large, 64, LOANS)],
			["4 MiB", () => measureLoans(large, 4 * MIB, LOANS)],
		];
		for (const [id, measure] of measurements) {
			signal.throwIfAborted();
			const value = await measure();
			if (run >= 0) series.note(id, value);
		}
	}
	progress.clear();
	console.log(batchTable(series, SMALL));
	console.log(`\n${largeTable(series)}`);
	console.log(`\n${loanTable(series)}`);
	writeResult(flags.json, NAME, { runs: series });
	return 0;
});
