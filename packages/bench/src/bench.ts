/**
 * bench_ipc, ported: sixteen rows of routes and channels between processes, lossless and checked.
 *
 *   bun run bench [options]
 */
import { writeFileSync } from "node:fs";
import { commandLine, oneOf } from "../../../scripts/lib/command_line.ts";
import { againstLegend, againstTable } from "./bench_ipc/against_table.ts";
import { benchChart } from "./bench_ipc/bench_chart.ts";
import { benchTable, legend } from "./bench_ipc/bench_table.ts";
import { patterns, titles } from "./bench_ipc/pattern.ts";
import { measureRow, type Row } from "./bench_ipc/row.ts";
import { checkSizes, rowFlags } from "./bench_ipc/row_flags.ts";
import { againstFlag, checkCheckout, jsonFlag, runsFlag, svgFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { transports } from "./launcher/start_program.ts";

const NAME = "bun run bench";

/** A ring of this size keeps both sides in long runs. The baseline gets the same. */
const CAPACITY = 1 << 20;

const { flags } = commandLine({
	name: NAME,
	flags: {
		...rowFlags,
		transport: {
			type: oneOf(...transports),
			placeholder: "<kind>",
			description: "process or worker: where each endpoint runs",
			default: "process" as const,
		},
		runs: {
			...runsFlag(40),
			description: "measured runs of each row, in up to 10 starts of its processes",
		},
		against: againstFlag,
		json: jsonFlag,
		svg: svgFlag,
	},
	help: {
		description: `Measures the sixteen rows of bench_ipc: routes and channels between processes. Every message is counted and checked.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	const { count, min, max, maxThreads, transport, runs } = flags;
	checkSizes(NAME, flags);
	const against = checkCheckout(NAME, flags.against);
	const host = machine();
	console.log(describeMachine(host));
	console.log(
		`${count.toLocaleString("en")} messages of ${min}-${max} bytes, ring of ${CAPACITY >> 10} KiB, a ${transport === "process" ? "process" : "Worker"} for each endpoint, ${runs} runs\n`,
	);
	const rows: Row[] = [];
	for (const pattern of flags.patterns ?? patterns) {
		const table: Row[] = [];
		for (let n = 1; n <= maxThreads; n *= 2) {
			using progress = new Progress();
			progress.show(`${titles[pattern]}: N = ${n} …`);
			table.push(
				await measureRow({ pattern, n, count, min, max, transport, runs, capacity: CAPACITY, ...against }, signal),
			);
		}
		rows.push(...table);
		console.log(`${against ? againstTable(pattern, table) : benchTable(pattern, table)}\n`);
	}
	console.log(against ? againstLegend : legend);
	writeResult(flags.json, NAME, { rows });
	if (flags.svg !== undefined) writeFileSync(flags.svg, benchChart(describeMachine(host), rows));
	const wrong = rows.filter((row) => row.delivered !== row.expected || row.corrupt > 0);
	for (const { pattern, n, delivered, expected, corrupt } of wrong)
		console.error(`WRONG: ${pattern}, N = ${n}: ${delivered} of ${expected} messages delivered, ${corrupt} corrupt`);
	return wrong.length === 0 ? 0 : 1;
});
