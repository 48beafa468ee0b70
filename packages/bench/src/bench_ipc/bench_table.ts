import { newTable } from "../command/table.ts";
import { type Pattern, titles } from "./pattern.ts";
import { published } from "./published.ts";
import type { Row } from "./row.ts";

const HEAD = ["N", "total ms", "µs/message", "delivered", "C limit ns", "÷ limit", "C++ ms *", "Rust ms *"];

/** One of the four tables of bench_ipc. */
export function benchTable(pattern: Pattern, rows: readonly Row[]): string {
	const table = newTable(
		HEAD,
		HEAD.map(() => "right"),
	);
	for (const row of rows) {
		const seed = published(pattern, row.n);
		table.push([
			String(row.n),
			row.totalMs.toFixed(2),
			row.usPerMessage.toFixed(3),
			deliveredPercent(row),
			row.limitNsPerMessage.toFixed(0),
			row.ratioToLimit.toFixed(2),
			seed?.cppMs.toFixed(2) ?? "",
			seed?.rustMs.toFixed(2) ?? "",
		]);
	}
	return `${titles[pattern]}\n${table.toString()}`;
}

/** Never rounded up to 100 %. */
function deliveredPercent({ delivered, expected, corrupt }: Row): string {
	const percent = delivered === expected ? "100 %" : `${(Math.floor((delivered / expected) * 1e4) / 100).toFixed(2)} %`;
	return corrupt === 0 ? percent : `${percent}, ${corrupt} corrupt`;
}

/** What the columns mean, for whoever sees the tables without the README. */
export const legend = `total ms: from the first send to the moment the last receiver has everything; median of the runs.
delivered: messages counted by the receivers, each checked for sender, sequence, length and every byte.
C limit: the barest lossless ring in C (native/bench/limit.c), same messages, in turns with ours; ns per message.
÷ limit: median over the runs of ours divided by the limit's next one; below 1, the limit program had a bad moment.
* published by the Rust port of cpp-ipc for Apple Silicon, not measured here. C++ is cpp-ipc. The Rust port's sends mostly
  return false: counted on Linux, it delivers under 1 % of its messages.`;
