/**
 * How long 64 bytes take to another process and back: libipc, and the fastest ways in C.
 *
 *   bun run bench:latency [options]
 */
import { availableParallelism } from "node:os";
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import { jsonFlag, runsFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { latencyTable, legend, verdicts } from "./latency/latency_table.ts";
import { measureLatency } from "./latency/measure_latency.ts";

const NAME = "bun run bench:latency";

const { flags } = commandLine({
	name: NAME,
	flags: {
		rounds: {
			type: wholeNumber(1, 10_000_000),
			placeholder: "<n>",
			description: "round trips per run of what spins; a 20th of them of what sleeps, a 100th of what pauses",
			default: 50_000,
		},
		runs: runsFlag(5),
		json: jsonFlag,
	},
	help: {
		description: `Measures the ping-pong of 64 bytes between two processes: libipc from TypeScript, and C over shared memory, a pipe and a socket.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	const { rounds, runs } = flags;
	if (availableParallelism() < 2) {
		console.error(`${NAME} needs two processors: on one, a side that spins keeps the other side from answering`);
		return 1;
	}
	console.log(`${describeMachine(machine())}\n`);
	using progress = new Progress();
	const onStart = (title: string, run: number) => progress.show(`run ${run + 1} of ${runs}: ${title} …`);
	const results = await measureLatency({ rounds, runs, onStart }, signal);
	progress.clear();
	console.log(latencyTable(results));
	console.log(legend);
	for (const verdict of verdicts(results)) console.log(verdict);
	writeResult(flags.json, NAME, { results });
	return 0;
});
