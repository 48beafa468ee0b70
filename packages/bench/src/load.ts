/**
 * How long 64 bytes take to another process at an offered load: a message every 1 to 100 µs, and as fast as possible.
 *
 *   bun run bench:load [options]
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import { jsonFlag, runsFlag, svgFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { loadChart } from "./load/load_chart.ts";
import { legend, loadTable, reached } from "./load/load_table.ts";
import { measureLoad } from "./load/measure_load.ts";
import { gapsNs } from "./load/offer.ts";

const NAME = "bun run bench:load";

const { flags } = commandLine({
	name: NAME,
	flags: {
		most: {
			type: wholeNumber(1, 10_000_000),
			placeholder: "<n>",
			description: "messages of a run, at most; with gaps, a run takes 0.2 s",
			default: 200_000,
		},
		runs: runsFlag(5),
		json: jsonFlag,
		svg: svgFlag,
	},
	help: {
		description: `Sends messages of 64 bytes at an offered load, and measures how long each takes from the time at which it was due: libipc from TypeScript, and a queue in C.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	const { most, runs } = flags;
	if (availableParallelism() < 2) {
		console.error(`${NAME} needs two processors: the sender spins until each message is due`);
		return 1;
	}
	const host = describeMachine(machine());
	console.log(`${host}\n`);
	using progress = new Progress();
	const onStart = (title: string, gapNs: number, run: number) =>
		progress.show(`run ${run + 1} of ${runs}, a message every ${gapNs / 1000} µs: ${title} …`);
	const results = await measureLoad({ gapsNs, most, runs, onStart }, signal);
	progress.clear();
	console.log(loadTable(results));
	console.log(reached(results));
	console.log(legend);
	writeResult(flags.json, NAME, { results });
	if (flags.svg !== undefined) writeFileSync(flags.svg, loadChart(host, results));
	return 0;
});
