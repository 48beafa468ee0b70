/**
 * bench_ipc, ported: sixteen rows of routes and channels between real processes, lossless and checked.
 *
 *   bun run bench [options]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchChart } from "./bench_ipc/bench_chart.ts";
import { benchTable, legend } from "./bench_ipc/bench_table.ts";
import type { Transport } from "./bench_ipc/participant_group.ts";
import { patterns, titles } from "./bench_ipc/pattern.ts";
import { measureRow, type Row } from "./bench_ipc/row.ts";
import { choicesOption, integerOption, parseOptions } from "./command/arguments.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { runCommand } from "./command/run_command.ts";

const HELP = `bun run bench [options]

Measures the sixteen rows of bench_ipc: routes and channels between processes, every message counted and checked.

  --count N          messages per run, shared among the senders      (100000)
  --min N            shortest message in bytes, 2 or more            (2)
  --max N            longest message in bytes, up to 65536           (256)
  --max-threads N    largest N of a row: 1, 2, 4, 8, … up to this    (8)
  --patterns LIST    of route, 1-N, N-1, N-N, with commas            (all)
  --transport KIND   process or worker                               (process)
  --engine NAME      native, or sab: between threads only, beside MessagePort and BroadcastChannel;
                     with --help it tells its own options             (native)
  --runs N           measured runs of each row, in up to 5 starts     (40)
  --json FILE        write the rows as JSON
  --svg FILE         write a chart
  --help             this text

Exit status: 0 all messages delivered and right; 1 not so, or an error; 2 wrong usage; 130 interrupted.`;

/** A ring of this size keeps both sides in long runs; the baseline gets the same. */
const CAPACITY = 1 << 20;

const { engine } = parseArgs({ options: { engine: { type: "string" } }, strict: false }).values;

async function main(signal: AbortSignal): Promise<number> {
	const options = parseOptions({
		engine: { type: "string", default: "native" },
		count: { type: "string", default: "100000" },
		min: { type: "string", default: "2" },
		max: { type: "string", default: "256" },
		"max-threads": { type: "string", default: "8" },
		patterns: { type: "string", default: patterns.join(",") },
		transport: { type: "string", default: "process" },
		runs: { type: "string", default: "40" },
		json: { type: "string" },
		svg: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	choicesOption("engine", options.engine, ["native", "sab"]);
	const min = integerOption("min", options.min, 2, 65_536);
	const max = integerOption("max", options.max, min, 65_536);
	const maxThreads = integerOption("max-threads", options["max-threads"], 1, 64);
	// The sequence in a message has 24 bits, of which a sender must not use one twice.
	const count = integerOption("count", options.count, maxThreads, 1 << 24);
	const runs = integerOption("runs", options.runs, 1, 10_000);
	const wanted = choicesOption("patterns", options.patterns, patterns);
	const [transport = "process"] = choicesOption<Transport>("transport", options.transport, ["process", "worker"]);

	const host = machine();
	console.log(describeMachine(host));
	console.log(
		`${count.toLocaleString("en")} messages of ${min}-${max} bytes, ring of ${CAPACITY >> 10} KiB, ${transport === "process" ? "a process" : "a Worker"} for each endpoint, ${runs} runs\n`,
	);
	const rows: Row[] = [];
	for (const pattern of wanted) {
		const table: Row[] = [];
		for (let n = 1; n <= maxThreads; n *= 2) {
			using progress = new Progress();
			progress.show(`${titles[pattern]}: N = ${n} …`);
			table.push(await measureRow({ pattern, n, count, min, max, transport, runs, capacity: CAPACITY }, signal));
		}
		rows.push(...table);
		console.log(`${benchTable(pattern, table)}\n`);
	}
	console.log(legend);
	if (typeof options.json === "string")
		writeFileSync(options.json, `${JSON.stringify({ machine: host, rows }, null, "\t")}\n`);
	if (typeof options.svg === "string") writeFileSync(options.svg, benchChart(describeMachine(host), rows));
	const bad = rows.filter((row) => row.delivered !== row.expected || row.corrupt > 0);
	for (const { pattern, n, delivered, expected, corrupt } of bad)
		console.error(`WRONG: ${pattern}, N = ${n}: ${delivered} of ${expected} messages delivered, ${corrupt} corrupt`);
	return bad.length === 0 ? 0 : 1;
}

if (engine === "sab") await import("./threads.ts");
else await runCommand(main);
