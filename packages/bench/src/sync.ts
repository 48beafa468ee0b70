/**
 * What locks cost: alone, contended, and from one process to another; beside the locks of C.
 *
 *   bun run bench:sync [options]
 */
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import { jsonFlag, runsFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { measureContended } from "./sync/measure_contended.ts";
import { measureHandOver } from "./sync/measure_hand_over.ts";
import { measurePairs } from "./sync/measure_pairs.ts";
import { contendedTable, handOverTable, legend, pairsTable, pairVerdicts } from "./sync/tables.ts";

const NAME = "bun run bench:sync";
const SIZES = [2, 4, 8];

const { flags } = commandLine({
	name: NAME,
	flags: {
		pairs: {
			type: wholeNumber(1, 100_000_000),
			placeholder: "<n>",
			description: "pairs of lock and unlock per run, without competition",
			default: 500_000,
		},
		operations: {
			type: wholeNumber(1, 100_000_000),
			placeholder: "<n>",
			description: "operations of each process per run, where 2, 4 and 8 compete",
			default: 200_000,
		},
		rounds: {
			type: wholeNumber(20, 1_000_000),
			placeholder: "<n>",
			description: "hand-overs per run that follow each other at once; a 20th of them where one process holds for 1 ms",
			default: 4000,
		},
		runs: runsFlag(5),
		json: jsonFlag,
	},
	help: {
		description: `Measures Mutex, RwLock, Semaphore, Condition and waits on shared memory, in turns with the locks of C.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	const { pairs, operations, rounds, runs } = flags;
	if (process.platform !== "linux") {
		console.error(
			`${NAME} needs Linux: macOS has no robust mutexes and no semaphores between processes to compare with`,
		);
		return 1;
	}
	console.log(`${describeMachine(machine())}\n`);
	using progress = new Progress();
	const onStart = (title: string, run: number) => progress.show(`run ${run + 1} of ${runs}: ${title} …`);

	const alone = await measurePairs({ count: pairs, runs, onStart }, signal);
	progress.clear();
	console.log(pairsTable(alone));
	for (const verdict of pairVerdicts(alone)) console.log(verdict);

	const contended = await measureContended({ sizes: SIZES, count: operations, runs, onStart }, signal);
	progress.clear();
	console.log(`\n${contendedTable(contended, SIZES)}\nEvery count was exact.\n`);

	const handOver = await measureHandOver({ rounds, runs, onStart }, signal);
	progress.clear();
	console.log(`${handOverTable(handOver)}\n${legend}`);
	writeResult(flags.json, NAME, { pairs: alone, contended, handOver });
	return 0;
});
