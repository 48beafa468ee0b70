import { newTable } from "../command/table.ts";
import { isTooNoisy } from "../statistics/bootstrap.ts";
import { type Pattern, titles } from "./pattern.ts";
import { predecessors } from "./predecessors.ts";
import type { Row } from "./row.ts";

const HEAD = [
	"N",
	"total ms",
	"ns/message",
	"delivered",
	"baseline ns",
	"÷ baseline",
	"cpp-ipc ns *",
	"Rust ns *",
	"as published **",
];

/** One of the four tables of bench_ipc. */
export function benchTable(pattern: Pattern, rows: readonly Row[]): string {
	const table = newTable(
		HEAD,
		HEAD.map(() => "right"),
	);
	for (const row of rows) {
		const before = predecessors(pattern, row.n);
		table.push([
			String(row.n),
			row.totalMs.toFixed(2),
			(row.usPerMessage * 1e3).toFixed(0),
			deliveredPercent(row),
			row.baselineNsPerMessage.toFixed(0),
			isTooNoisy(row.ratioInterval) ? "noise too high" : row.ratioToBaseline.toFixed(2),
			before?.cpp.toLocaleString("en") ?? "",
			before?.rust.toLocaleString("en") ?? "",
			before === undefined ? "" : `${before.asPublished}, lossy`,
		]);
	}
	return `${titles[pattern]}\n${table.toString()}`;
}

/** Never rounded up to 100 %. */
function deliveredPercent({ delivered, expected, corrupt }: Row): string {
	const percent = delivered === expected ? "100 %" : `${(Math.floor((delivered / expected) * 1e4) / 100).toFixed(2)} %`;
	return corrupt === 0 ? percent : `${percent}, ${corrupt} corrupt`;
}

/** Explains the columns of the tables. */
export const legend = `total ms: from the first send until the last receiver has every message; median of the runs.
delivered: messages that the receivers counted. Each one is checked: its sender, its sequence, its length and every byte.
baseline ns: nanoseconds per message of the barest lossless ring in C (native/bench/baseline.c), with the same messages.
÷ baseline: the time of libipc divided by the time of the baseline in the next round; median over the runs. "noise too high": the
  95 % interval of that median is wider than 15 %, because other programs or machines disturb this one, or the runs are few.
* cpp-ipc and its Rust port, changed to lose nothing, on another machine with 2 cores (Linux x64); constants, not measured now.
  "corrupt": with several senders the port mixes up the messages.
** the Rust port as its authors measured it, in ns: it delivers under 1 % of its messages over all rows.`;
