/**
 * The messages of bench_ipc over libipc, and over the alternatives that Bun has to shared memory; with `--typed`, values;
 * with `--calls`, requests and their answers, and the latest value of another process.
 *
 *   bun run bench:alternatives [options]
 */
import { writeFileSync } from "node:fs";
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import type { Alternative, MeasureOptions } from "./alternatives/alternative.ts";
import { type AlternativeStart, rowsOf } from "./alternatives/alternative_row.ts";
import { alternatives } from "./alternatives/alternatives.ts";
import { alternativesChart, alternativesTable, isRight, RECEIVERS } from "./alternatives/alternatives_table.ts";
import { benchCalls } from "./alternatives/calls/bench_calls.ts";
import { callsTable } from "./alternatives/calls/calls_table.ts";
import { publishedTable } from "./alternatives/published.ts";
import { typedAlternatives } from "./alternatives/typed/typed_alternatives.ts";
import { typedTable } from "./alternatives/typed/typed_table.ts";
import { measureRow } from "./bench_ipc/row.ts";
import { jsonFlag, runsFlag, svgFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";

const NAME = "bun run bench:alternatives";

/** How often the processes of each transport are started: all of them in turns, so that a disturbance meets all alike. */
const STARTS = 3;

/** Messages per run, if the command line does not say how many; calls and reads. */
const COUNT = 100_000;
const CALL_COUNT = 10_000;

const MIN = 2;
const MAX = 256;

const NOTES =
	"Sockets and pipes carry many messages in each write of 128 KiB, as a careful program writes them. postMessage, both\nBroadcastChannels, Bun.spawn ipc and Node's child_process carry one message in each call.";

const TYPED_NOTES =
	"lines: lines of code of a sender and a receiver, in examples/typed. Receivers get each message in their event loop, and\ncheck all fields and the order. redis: 256 publishes travel at a time; its server is a process more.";

const CALLS_NOTES =
	"call: from a call until its answer, one at a time. read: from a request of the latest value, which another process (comlink:\nanother thread) sets once a millisecond, until it is there. lines: lines of code of a server and a client, in\nexamples/calls. Each answer and each value is checked.";

/** What the command measures. */
interface Measured extends Pick<Alternative, "name" | "available"> {
	measure(options: MeasureOptions): Promise<AlternativeStart>;
}

const LIBIPC_ROUTE = "libipc route";

/** Routes of bytes, whose endpoints block. */
const libipcRoute: Measured = {
	name: LIBIPC_ROUTE,
	async measure({ count, min, max, receivers, runs, signal }: MeasureOptions) {
		const row = await measureRow(
			{ pattern: "route", n: receivers, count, min, max, transport: "process", runs, capacity: 1 << 20 },
			signal ?? new AbortController().signal,
		);
		const { delivered, expected, corrupt } = row;
		return { transport: LIBIPC_ROUTE, receivers, nsPerMessage: row.usPerMessage * 1e3, delivered, expected, corrupt };
	},
};

const { flags } = commandLine({
	name: NAME,
	flags: {
		count: {
			type: wholeNumber(1, 1 << 24),
			placeholder: "<n>",
			description: `messages per run (${COUNT}); with --calls, calls and reads per run (${CALL_COUNT})`,
		},
		runs: runsFlag(5),
		typed: { type: Boolean, description: "values instead of bytes: an object with four fields", default: false },
		calls: { type: Boolean, description: "calls of a service, and reads of a latest value", default: false },
		json: jsonFlag,
		svg: svgFlag,
	},
	help: {
		description: `Sends the messages of bench_ipc from one sender to 1 and to 8 receivers, over libipc and over the alternatives that Bun and Node have. Every transport is lossless, and every receiver checks every byte. With --typed, it sends values: what one writes for that, and microseconds a message. With --calls, one client calls one server, and reads its latest value.\n\n${EXIT_STATUS}`,
	},
});

if (flags.typed && flags.calls) {
	console.error(`${NAME}: --typed and --calls measure different things: choose one`);
	process.exit(2);
}

/** `--calls`. */
async function measureCalls(signal: AbortSignal): Promise<number> {
	const { count = CALL_COUNT, runs, json } = flags;
	console.log(`${count.toLocaleString("en")} calls and reads, 1 client, 1 server, ${runs} runs\n`);
	const { rows, missing } = await benchCalls({ count, runs, signal });
	console.log(callsTable(rows));
	for (const reason of missing) console.log(reason);
	console.log(CALLS_NOTES);
	writeResult(json, NAME, { rows });
	return rows.every(({ wrong }) => wrong === 0) ? 0 : 1;
}

await runCommand(async (signal) => {
	const { count = COUNT, runs, typed, calls } = flags;
	const host = machine();
	console.log(describeMachine(host));
	if (calls) return await measureCalls(signal);
	const messages = typed ? "objects with four fields" : `messages of ${MIN}-${MAX} bytes`;
	console.log(`${count.toLocaleString("en")} ${messages}, 1 sender, ${runs} runs\n`);

	const missing: string[] = [];
	const present: Measured[] = [];
	const all: readonly Measured[] = typed ? typedAlternatives : [libipcRoute, ...alternatives];
	for (const alternative of all) {
		const availability = (await alternative.available?.()) ?? { available: true };
		if (availability.available) present.push(alternative);
		else missing.push(availability.reason);
	}
	const measured: AlternativeStart[] = [];
	using progress = new Progress();
	for (let start = 0, left = runs; start < STARTS && left > 0; start++) {
		const runsOfStart = Math.ceil(left / (STARTS - start));
		left -= runsOfStart;
		for (const receivers of RECEIVERS) {
			for (const { name, measure } of present) {
				progress.show(`start ${start + 1}: ${name}, 1-${receivers} …`);
				measured.push(await measure({ count, min: MIN, max: MAX, receivers, runs: runsOfStart, signal }));
			}
		}
	}
	const rows = rowsOf(measured);
	progress.clear();

	console.log(typed ? typedTable(rows, RECEIVERS) : alternativesTable(rows, RECEIVERS));
	for (const reason of missing) console.log(reason);
	console.log(typed ? TYPED_NOTES : NOTES);
	if (!typed) console.log(`\n${publishedTable()}`);
	writeResult(flags.json, NAME, { rows });
	if (flags.svg !== undefined) writeFileSync(flags.svg, alternativesChart(describeMachine(host), rows, RECEIVERS));
	return rows.every(isRight) ? 0 : 1;
});
