/**
 * How long 64 bytes take to another process and back: libipc, and what C can do at best.
 *
 *   bun run bench:latency [options]
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { integerOption, parseOptions } from "./command/arguments.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { runCommand } from "./command/run_command.ts";
import { latencyTable, legend, verdicts } from "./latency/latency_table.ts";
import { measureLatency } from "./latency/measure_latency.ts";

const HELP = `bun run bench:latency [options]

Measures ping-pong of 64 bytes between two processes: libipc from TypeScript, and C over shared memory, pipe, socket.

  --rounds N    round trips per run of what spins; what sleeps does a 20th, what pauses a 100th   (50000)
  --runs N      measured runs of each, in turns                                                   (5)
  --json FILE   write the results as JSON
  --help        this text

Exit status: 0 every echo was right; 1 not so, or an error; 2 wrong usage; 130 interrupted.`;

await runCommand(async (signal) => {
	const options = parseOptions({
		rounds: { type: "string", default: "50000" },
		runs: { type: "string", default: "5" },
		json: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	const rounds = integerOption("rounds", options.rounds, 1, 10_000_000);
	const runs = integerOption("runs", options.runs, 1, 1000);
	if (availableParallelism() < 2) {
		console.error("bench:latency needs two processors: on one, a side that spins keeps the other from answering");
		return 1;
	}
	const host = machine();
	console.log(`${describeMachine(host)}\n`);
	using progress = new Progress();
	const onStart = (title: string, run: number) => progress.show(`run ${run + 1} of ${runs}: ${title} …`);
	const results = await measureLatency({ rounds, runs, onStart }, signal);
	progress.show("");
	console.log(latencyTable(results));
	console.log(legend);
	for (const verdict of verdicts(results)) console.log(verdict);
	if (typeof options.json === "string")
		writeFileSync(options.json, `${JSON.stringify({ machine: host, results }, null, "\t")}\n`);
	return 0;
});
