/**
 * How long it takes until a message from another process reaches an event loop that sleeps, beside the least that can wake an
 * event loop: a native thread of the same process that calls a thread-safe callback.
 *
 *   bun run bench:event-loop [options]
 */
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import { jsonFlag, runsFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { callbackWake } from "./event_loop/callback_wake.ts";
import { messageWake } from "./event_loop/message_wake.ts";
import type { WakeSource } from "./event_loop/wake.ts";
import { summarizeWakes, wakeTable } from "./event_loop/wake_table.ts";

const NAME = "bun run bench:event-loop";
const WARM_UP_RUNS = 2;

const { flags } = commandLine({
	name: NAME,
	flags: {
		wakes: { type: wholeNumber(1, 100_000), placeholder: "<n>", description: "wake-ups per run", default: 200 },
		runs: runsFlag(15),
		gap: {
			type: wholeNumber(1, 999_999),
			placeholder: "<µs>",
			description: "microseconds from one wake-up to the next",
			default: 1000,
		},
		json: jsonFlag,
	},
	help: {
		description: `Measures how long a message takes to an event loop that sleeps, in turns with a thread-safe callback.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	const { wakes, runs, gap } = flags;
	console.log(`${describeMachine(machine())}\n`);
	await using stack = new AsyncDisposableStack();
	const sources: WakeSource[] = [
		stack.use(callbackWake(gap)),
		stack.use(messageWake("recvAsync", gap, signal)),
		stack.use(messageWake("for await", gap, signal)),
	];
	using progress = new Progress();
	const times: Float64Array[][] = sources.map(() => []);
	for (let run = -WARM_UP_RUNS; run < runs; run++) {
		for (const [index, source] of sources.entries()) {
			signal.throwIfAborted();
			progress.show(`run ${Math.max(run, 0) + 1} of ${runs}: ${source.title} …`);
			const sorted = (await source.run(wakes)).toSorted();
			if (run >= 0) times[index]?.push(sorted);
		}
	}
	progress.clear();
	const results = summarizeWakes(
		sources.map(({ title }) => title),
		times,
	);
	console.log(wakeTable(results));
	writeResult(flags.json, NAME, { gap, results });
	return 0;
});
