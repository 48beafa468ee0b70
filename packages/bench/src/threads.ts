/**
 * The sixteen rows of bench_ipc between threads, in Bun or in Node: libipc on SharedArrayBuffer beside what else threads
 * can talk by, and beside libipc's native engine.
 *
 *   bun run bench --engine sab [options]
 *   npm run bench:node -- [options]
 */
import { writeFileSync } from "node:fs";
import "@libipc/compat"; // before the first Worker is made: the hub is handed on to it
import { patterns, titles } from "./bench_ipc/pattern.ts";
import { choicesOption, integerOption, parseOptions } from "./command/arguments.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { runCommand } from "./command/run_command.ts";
import { newTable } from "./command/table.ts";
import { measureThreadRow, type ThreadRow } from "./threads/thread_row.ts";
import { type Transport, transports } from "./threads/transport.ts";

const HELP = `bun run bench --engine sab [options]
npm run bench:node -- [options]

Measures the sixteen rows of bench_ipc between threads, every message counted and checked: libipc's engine on
SharedArrayBuffer, its native engine (where the runtime has it), MessagePort and BroadcastChannel, in turns.

  --count N          messages per run, shared among the senders; a fifth of them by MessagePort, a tenth by
                     BroadcastChannel                 (100000)
  --min N            shortest message in bytes        (2)
  --max N            longest message in bytes         (256)
  --max-threads N    largest N of a row               (8)
  --patterns LIST    of route, 1-N, N-1, N-N          (all)
  --transports LIST  of sab, native, MessagePort, BroadcastChannel  (all that there are)
  --runs N           measured runs of each row        (5)
  --json FILE        write the rows as JSON
  --help             this text

Exit status: 0 all messages delivered and right; 1 not so, or an error; 2 wrong usage; 130 interrupted.`;

const CAPACITY = 1 << 20;

/** Whether this runtime can reach the C library. */
function hasNative(): boolean {
	if (process.versions.bun) return true;
	const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
	return (major > 26 || (major === 26 && minor >= 1)) && !process.execArgv.includes("--no-experimental-ffi");
}

function table(rows: readonly ThreadRow[]): string {
	const names = rows[0]?.cells.map(({ transport }) => transport) ?? [];
	const others = names.filter((name) => name !== "sab");
	const head = ["N", ...names.map((name) => `${name} ns`), ...others.map((name) => `${name} ÷ sab`), "delivered"];
	const made = newTable(
		head,
		head.map(() => "right"),
	);
	for (const { n, cells } of rows) {
		const of = (name: Transport) => cells.find(({ transport }) => transport === name)?.nsPerMessage ?? Number.NaN;
		const isRight = cells.every((cell) => cell.delivered === cell.expected && cell.corrupt === 0);
		made.push([
			String(n),
			...names.map((name) => of(name).toFixed(0)),
			...others.map((name) => (of(name) / of("sab")).toFixed(2)),
			isRight ? "100 %" : "WRONG",
		]);
	}
	return made.toString();
}

await runCommand(async (signal) => {
	const options = parseOptions({
		engine: { type: "string", default: "sab" },
		count: { type: "string", default: "100000" },
		min: { type: "string", default: "2" },
		max: { type: "string", default: "256" },
		"max-threads": { type: "string", default: "8" },
		patterns: { type: "string", default: patterns.join(",") },
		transports: { type: "string", default: transports.filter((name) => name !== "native" || hasNative()).join(",") },
		runs: { type: "string", default: "5" },
		json: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	const min = integerOption("min", options.min, 2, 65_536);
	const max = integerOption("max", options.max, min, 65_536);
	const maxThreads = integerOption("max-threads", options["max-threads"], 1, 64);
	const count = integerOption("count", options.count, maxThreads, 1 << 24);
	const runs = integerOption("runs", options.runs, 1, 1000);
	const wanted = choicesOption("patterns", options.patterns, patterns);
	const ways = choicesOption("transports", options.transports, transports);

	const host = machine();
	console.log(describeMachine(host));
	console.log(
		`${count.toLocaleString("en")} messages of ${min}-${max} bytes, ring of ${CAPACITY >> 10} KiB, a thread for each endpoint, ${runs} runs\n`,
	);
	const rows: ThreadRow[] = [];
	for (const pattern of wanted) {
		const these: ThreadRow[] = [];
		for (let n = 1; n <= maxThreads; n *= 2) {
			signal.throwIfAborted();
			const shared = { pattern, n, count, min, max, runs, capacity: CAPACITY };
			these.push(await measureThreadRow({ ...shared, transports: ways, env: process.env }));
		}
		rows.push(...these);
		console.log(`${titles[pattern]}\n${table(these)}\n`);
	}
	console.log(
		"ns: from the first send to the moment the last receiver has everything, divided by the messages sent; median of the runs,\nwhich take turns. delivered: counted by the receivers, each checked for sender, sequence, length and every byte.",
	);
	if (typeof options.json === "string")
		writeFileSync(options.json, `${JSON.stringify({ machine: host, rows }, null, "\t")}\n`);
	const isRight = rows.every(({ cells }) => cells.every((cell) => cell.delivered === cell.expected && !cell.corrupt));
	if (!isRight) console.error("WRONG: not every message was delivered and right");
	return isRight ? 0 : 1;
});
