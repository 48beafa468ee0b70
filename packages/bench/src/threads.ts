/**
 * The sixteen rows of bench_ipc between threads, in Bun or in Node: the engine of libipc on SharedArrayBuffer, its native
 * engine, MessagePort and BroadcastChannel.
 *
 *   bun run bench:threads [options]
 *   npm run bench:node -- [options]
 */
import "@libipc/compat"; // First: it creates the hub that every Worker inherits.
import { whyNoAddons } from "@libipc/compat/node";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { patterns, titles } from "./bench_ipc/pattern.ts";
import { checkSizes } from "./bench_ipc/row_flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { threadFlags } from "./threads/thread_flags.ts";
import { measureThreadRow, type ThreadRow } from "./threads/thread_row.ts";
import { legend, threadTable } from "./threads/thread_table.ts";
import { threadTransports } from "./threads/thread_transport.ts";

const NAME = process.versions.bun
	? "bun run bench:threads"
	: `npm run bench:node -- --node ${process.versions.node.split(".")[0]}`;

const CAPACITY = 1 << 20;

const { flags } = commandLine({
	name: NAME,
	flags: threadFlags,
	help: {
		description: `Measures the sixteen rows of bench_ipc between threads. Every message is counted and checked. The transports take turns: the engine of libipc on SharedArrayBuffer, its native engine (where the runtime has it), MessagePort and BroadcastChannel.\n\n${EXIT_STATUS}`,
	},
});

/** Whether this runtime can load the C library. */
function hasNative(): boolean {
	return process.versions.bun !== undefined || whyNoAddons() === undefined;
}

await runCommand(async (signal) => {
	const { count, min, max, maxThreads, runs } = flags;
	checkSizes(NAME, flags);
	const transports = flags.transports ?? threadTransports.filter((name) => name !== "native" || hasNative());
	console.log(describeMachine(machine()));
	console.log(
		`${count.toLocaleString("en")} messages of ${min}-${max} bytes, ring of ${CAPACITY >> 10} KiB, a thread for each endpoint, ${runs} runs\n`,
	);
	const rows: ThreadRow[] = [];
	const progress = new Progress();
	for (const pattern of flags.patterns ?? patterns) {
		const table: ThreadRow[] = [];
		for (let n = 1; n <= maxThreads; n *= 2) {
			signal.throwIfAborted();
			progress.show(`${titles[pattern]}: N = ${n} …`);
			const row = { pattern, n, count, min, max, runs, capacity: CAPACITY, transports };
			table.push(await measureThreadRow(row, signal));
		}
		rows.push(...table);
		progress.clear();
		console.log(`${titles[pattern]}\n${threadTable(table)}\n`);
	}
	console.log(legend);
	writeResult(flags.json, NAME, { rows });
	const isRight = rows.every(({ cells }) => cells.every((cell) => cell.delivered === cell.expected && !cell.corrupt));
	if (!isRight) console.error("WRONG: a message was lost or corrupt");
	return isRight ? 0 : 1;
});
