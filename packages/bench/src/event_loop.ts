/**
 * How long it takes until a message from another process reaches an event loop that is asleep, beside the least that
 * waking an event loop costs: a native thread of the same process that calls a thread-safe callback.
 *
 *   bun run bench:event-loop [options]
 */
import { writeFileSync } from "node:fs";
import { integerOption, parseOptions } from "./command/arguments.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { runCommand } from "./command/run_command.ts";
import { newTable } from "./command/table.ts";
import { callbackWake } from "./event_loop/callback_wake.ts";
import { messageWake } from "./event_loop/message_wake.ts";
import type { WakeSource } from "./event_loop/wake.ts";
import { percentile } from "./statistics/percentile.ts";
import { median } from "./statistics/statistics.ts";

const HELP = `bun run bench:event-loop [options]

Measures how long a message takes to an event loop that is asleep, and a thread-safe callback in turns with it.

  --wakes N     wakes per run                              (200)
  --runs N      measured runs of each, in turns            (15)
  --gap N       microseconds from one wake to the next     (1000)
  --json FILE   write the results as JSON
  --help        this text`;

const BUDGET = 1.3;
const WARM_UP_RUNS = 2;

await runCommand(async (signal) => {
	const options = parseOptions({
		wakes: { type: "string", default: "200" },
		runs: { type: "string", default: "15" },
		gap: { type: "string", default: "1000" },
		json: { type: "string" },
		help: { type: "boolean", default: false },
	});
	if (options.help) {
		console.log(HELP);
		return 0;
	}
	const wakes = integerOption("wakes", options.wakes, 1, 100_000);
	const runs = integerOption("runs", options.runs, 1, 1000);
	const gap = integerOption("gap", options.gap, 1, 999_999);
	const host = machine();
	console.log(`${describeMachine(host)}\n`);
	await using stack = new AsyncDisposableStack();
	const sources: WakeSource[] = [callbackWake(gap), messageWake("recvAsync", gap), messageWake("for await", gap)];
	for (const source of sources) stack.use(source);
	using progress = new Progress();
	const times: Float64Array[][] = sources.map(() => []);
	for (let run = -WARM_UP_RUNS; run < runs; run++) {
		for (const [index, source] of sources.entries()) {
			signal.throwIfAborted();
			progress.show(`run ${Math.max(run, 0) + 1} of ${runs}: ${source.title} …`);
			const took = (await source.run(wakes)).toSorted();
			if (run >= 0) times[index]?.push(took);
		}
	}
	progress.show("");
	const results = sources.map(({ title }, index) => {
		const mine = times[index] ?? [];
		const at = (share: number) => median(mine.map((sorted) => percentile(sorted, share)));
		const ratio = median(
			mine.map((sorted, run) => percentile(sorted, 0.5) / percentile(times[0]?.[run] ?? sorted, 0.5)),
		);
		return { title, p50: at(0.5), p90: at(0.9), p99: at(0.99), ratio };
	});
	const table = newTable(
		["the event loop wakes because", "p50 µs", "p90 µs", "p99 µs", "÷ callback"],
		["left", "right", "right", "right", "right"],
	);
	const microseconds = (ns: number) => (ns / 1000).toFixed(1);
	for (const { title, p50, p90, p99, ratio } of results)
		table.push([title, microseconds(p50), microseconds(p90), microseconds(p99), ratio.toFixed(2)]);
	console.log(table.toString());
	console.log(
		`From the waker's stamp to our function, medians over the runs; ÷ callback: median over the runs of p50 ÷ the callback's in the same run (budget ${BUDGET}).`,
	);
	if (typeof options.json === "string")
		writeFileSync(options.json, `${JSON.stringify({ machine: host, gap, results }, null, "\t")}\n`);
	return 0;
});
