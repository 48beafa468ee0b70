import { type AloneRow, measureAlone } from "@libipc/bench/bench_ipc/measure_alone";
import { type Pattern, patterns, titles } from "@libipc/bench/bench_ipc/pattern";
import { describeMachine, machine } from "@libipc/bench/command/machine";
import { engine } from "libipc";
import { ParticipantProgram } from "../bench/participant_program.ts";
import { defineCommand } from "../command.ts";
import { CommandFailure, Exit, usageError } from "../exit.ts";
import { wholeOption, wordOption } from "../flags.ts";
import { whole } from "../format.ts";
import { untilInterrupted } from "../interruption.ts";
import type { Output } from "../output.ts";

/** A ring of this size keeps both sides in long runs. */
const CAPACITY = 1 << 20;
/** The sequence number in a message has 24 bits. */
const MOST_MESSAGES = 1 << 24;
const LONGEST = 65_536;
const MOST_ENDS = 64;

const deliveredText = ({ delivered, expected, corrupt }: AloneRow): string => {
	const share =
		delivered === expected ? "100 %" : `${(Math.floor((delivered / expected) * 10_000) / 100).toFixed(2)} %`;
	return corrupt === 0 ? share : `${share}, ${corrupt} corrupt`;
};

function printTable(pattern: Pattern, rows: readonly AloneRow[], output: Output): void {
	output.line(titles[pattern]);
	output.table(
		[
			{ head: "N", align: "right" },
			{ head: "ns/message", align: "right" },
			{ head: "fastest", align: "right" },
			{ head: "slowest", align: "right" },
			{ head: "messages/s", align: "right" },
			{ head: "delivered", align: "right" },
		],
		rows.map((row) => [
			String(row.n),
			row.median.toFixed(0),
			row.fastest.toFixed(0),
			row.slowest.toFixed(0),
			whole(1e9 / row.median),
			deliveredText(row),
		]),
	);
	output.line();
}

export const bench = defineCommand({
	name: "bench",
	summary: "Measures routes and channels between processes on this machine",
	flags: {
		pattern: wordOption("PATTERN", patterns, { description: `Only one table: ${patterns.join(", ")}`, short: "p" }),
		count: wholeOption("N", MOST_ENDS, MOST_MESSAGES, {
			description: "Messages in a run, shared among the senders. Default: 100000",
			short: "c",
		}),
		min: wholeOption("BYTES", 2, LONGEST, { description: "The shortest message. Default: 2" }),
		max: wholeOption("BYTES", 2, LONGEST, { description: "The longest message. Default: 256" }),
		ends: wholeOption("N", 1, MOST_ENDS, { description: "The largest N: rows have N = 1, 2, 4, 8, … Default: 8" }),
		runs: wholeOption("N", 1, 1000, { description: "Measured runs of each row. Default: 15", short: "r" }),
		starts: wholeOption("N", 1, 100, { description: "How often the processes of a row are started. Default: 3" }),
	},
	description: [
		"Measures sixteen rows: a route with 1, 2, 4 and 8 receivers, and channels with 1 to N, N to 1 and N to N endpoints, each endpoint in a process of the runtime that runs this command. Messages have random lengths. No message is lost: senders wait. Each receiver checks of each message its sender, its number, its length and every byte.",
		"ns/message is the time from the first send until the last receiver has every message, divided by the number of messages that were sent: the median of the runs, with the fastest and the slowest run. It takes about half a minute. Measure on a quiet machine. The figures of the project, and what they are compared with, are in docs/performance.md.",
	],
	exits: {
		[Exit.interrupted]: "it was interrupted",
		[Exit.failed]: "a message was lost or wrong, or the engine is not native",
	},
	examples: [
		["libipc bench", "all rows"],
		["libipc bench --pattern route --ends 1 --min 1024 --max 1024", "one sender and one receiver, messages of 1 KiB"],
		["bunx --bun libipc bench", "the same in Bun"],
	],
	async run({ flags, output }) {
		const { count = 100_000, min = 2, max = 256, ends = 8, runs = 15, starts = 3 } = flags;
		if (min > max) throw usageError(`--max must be at least --min (${min}), not ${max}`);
		const { name, reason } = engine();
		if (name !== "native") throw new CommandFailure(`measures processes, and here names reach threads only. ${reason}`);
		const signal = untilInterrupted();
		const host = machine();
		if (!output.isJson) {
			output.line(describeMachine(host));
			output.line(`${whole(count)} messages of ${min} to ${max} bytes in a run, ${runs} runs\n`);
		}
		const rows: AloneRow[] = [];
		for (const pattern of flags.pattern === undefined ? patterns : [flags.pattern]) {
			const table: AloneRow[] = [];
			for (let n = 1; n <= ends; n *= 2)
				table.push(
					await measureAlone({
						...{ pattern, n, count, min, max, capacity: CAPACITY, runs, starts },
						prefix: `${flags.prefix ?? "libipc-bench"}.${process.pid}.${pattern}.${n}`,
						start: (title) => new ParticipantProgram(title, signal),
					}),
				);
			rows.push(...table);
			if (!output.isJson) printTable(pattern, table, output);
		}
		if (output.isJson) output.value({ machine: host, rows });
		const isWrong = rows.some(({ delivered, expected, corrupt }) => delivered !== expected || corrupt > 0);
		return isWrong ? Exit.failed : Exit.fine;
	},
});
