/**
 * What locks cost: when nobody else wants them, when several processes do all the time, and from one to the next.
 *
 *   bun run bench:sync [options]
 */
import { writeFileSync } from "node:fs";
import { integerOption, parseOptions } from "./command/arguments.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { runCommand } from "./command/run_command.ts";
import { measureContended } from "./sync/measure_contended.ts";
import { measureHandOver } from "./sync/measure_hand_over.ts";
import { measurePairs } from "./sync/measure_pairs.ts";
import { contendedTable, handOverTable, legend, pairsTable, pairVerdicts } from "./sync/tables.ts";

const HELP = `bun run bench:sync [options]

Measures Mutex, RwLock, Semaphore, Condition and waiting on shared memory, and in turns with them what C has.

  --pairs N        lock and unlock so often per run, nobody else there             (500000)
  --operations N   of each process per run, where 2, 4 and 8 want the lock         (200000)
  --rounds N       turns per run; what sleeps for 1 ms before each does a 20th     (4000)
  --runs N         measured runs of each, in turns                                 (5)
  --json FILE      write the results as JSON
  --help           this text

Exit status: 0 every count was right; 1 not so, or an error; 2 wrong usage; 130 interrupted.`;

const SIZES = [2, 4, 8];

await runCommand(async (signal) => {
	const options = parseOptions({
		pairs: { type: "string", default: "500000" },
		operations: { type: "string", default: "200000" },
		rounds: { type: "string", default: "4000" },
		runs: { type: "string", default: "5" },
		json: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	const pairs = integerOption("pairs", options.pairs, 1, 100_000_000);
	const operations = integerOption("operations", options.operations, 1, 100_000_000);
	const rounds = integerOption("rounds", options.rounds, 20, 1_000_000);
	const runs = integerOption("runs", options.runs, 1, 1000);
	if (process.platform !== "linux") {
		console.error(
			"bench:sync needs Linux: macOS has neither robust mutexes nor semaphores between processes to compare with",
		);
		return 1;
	}
	const host = machine();
	console.log(`${describeMachine(host)}\n`);
	using progress = new Progress();
	const onStart = (title: string, run: number) => progress.show(`run ${run + 1} of ${runs}: ${title} …`);

	const alone = await measurePairs({ count: pairs, runs, onStart }, signal);
	progress.show("");
	console.log(pairsTable(alone));
	for (const verdict of pairVerdicts(alone)) console.log(verdict);

	const contended = await measureContended({ sizes: SIZES, count: operations, runs, onStart }, signal);
	progress.show("");
	console.log(`\n${contendedTable(contended, SIZES)}\nEvery count was exact.\n`);

	const handOver = await measureHandOver({ rounds, runs, onStart }, signal);
	progress.show("");
	console.log(`${handOverTable(handOver)}\n${legend}`);
	if (typeof options.json === "string")
		writeFileSync(
			options.json,
			`${JSON.stringify({ machine: host, pairs: alone, contended, handOver }, null, "\t")}\n`,
		);
	return 0;
});
