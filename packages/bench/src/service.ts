/**
 * How long a call of a service takes, beside a bare ping-pong of the same endpoints in the same event loops.
 *
 *   bun run bench:service [options]
 */
import { Channel, list, Queue, Route } from "libipc";
import { commandLine, wholeNumber } from "../../../scripts/lib/command_line.ts";
import { table } from "../../../scripts/lib/table.ts";
import { jsonFlag, runsFlag } from "./command/flags.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { Progress } from "./command/progress.ts";
import { writeResult } from "./command/result_file.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { BunProgram } from "./launcher/bun_program.ts";
import { measure, roundTrips } from "./service/round_trip.ts";
import { median, percentile } from "./statistics/statistics.ts";

const NAME = "bun run bench:service";
const WARM_UP_RUNS = 5;
/** How many times as long as the bare ping-pong a call may take. */
const BAR = 2;

const { flags } = commandLine({
	name: NAME,
	flags: {
		rounds: {
			type: wholeNumber(1, 1_000_000),
			placeholder: "<n>",
			description: "round trips of each way per run",
			default: 500,
		},
		runs: runsFlag(41),
		json: jsonFlag,
	},
	help: {
		description: `Measures the round trip of a call to another process, in turns with a bare ping-pong over a queue and a route.\n\n${EXIT_STATUS}`,
	},
});

const sorted = (times: readonly Float64Array[]): Float64Array =>
	Float64Array.from(times.flatMap((each) => [...each])).toSorted();

const factories = { queue: Queue, route: Route, channel: Channel } as const;

await runCommand(async (signal) => {
	const { rounds, runs } = flags;
	console.log(`${describeMachine(machine())}\n`);
	const prefix = `bench-service${process.pid}`;
	try {
		await using program = new BunProgram<never, "ready">({
			name: "the server",
			program: new URL("service/echo.program.ts", import.meta.url),
			args: [prefix],
			signal,
		});
		await program.report();
		using stack = new DisposableStack();
		const ways = roundTrips(prefix).map((each) => stack.use(each));
		using progress = new Progress();
		const times: Float64Array[][] = ways.map(() => []);
		for (let run = -WARM_UP_RUNS; run < runs; run++) {
			progress.show(`run ${Math.max(run, 0) + 1} of ${runs} …`);
			for (const [index, way] of ways.entries()) {
				signal.throwIfAborted();
				const measured = await measure(way, rounds);
				if (run >= 0) times[index]?.push(measured);
			}
		}
		progress.clear();
		const halves = times.map((each) => each.map((run) => percentile(run.toSorted(), 0.5)));
		const results = ways.map(({ title }, index) => {
			const all = sorted(times[index] ?? []);
			// Runs that took turns are compared pair by pair.
			const ratios = (halves[index] ?? []).map((half, run) => half / (halves[0]?.[run] ?? Number.NaN));
			return { title, p50: percentile(all, 0.5), p99: percentile(all, 0.99), ratio: median(ratios) };
		});
		const us = (ns: number): string => (ns / 1000).toFixed(1);
		console.log(
			table(
				["round trip", "p50 µs", "p99 µs", "p50 / bare"],
				results.map(({ title, p50, p99, ratio }) => [title, us(p50), us(p99), ratio.toFixed(2)]),
			),
		);
		const ratio = results[1]?.ratio ?? Number.NaN;
		console.log(
			`\nA call takes ${ratio.toFixed(2)} times as long as the bare ping-pong: ${ratio <= BAR ? "within" : "NOT within"} ${BAR}.`,
		);
		writeResult(flags.json, NAME, { rounds, results });
	} finally {
		for (const { kind, name } of list({ prefix }))
			if (kind in factories) factories[kind as keyof typeof factories].clear(name, { prefix });
	}
	return 0;
});
