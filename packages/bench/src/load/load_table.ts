import { newTable } from "../command/table.ts";
import type { LoadResult } from "./result.ts";

/** One row for each load. */
export function loadTable(results: readonly LoadResult[]): string {
	const table = newTable(
		["a message every", ...results.map(({ title }) => title)],
		["left", ...results.map(() => "right" as const)],
	);
	for (const { gapNs } of results[0]?.points ?? []) {
		const cells = results.map(({ points }) => {
			const point = points.find((each) => each.gapNs === gapNs);
			return point ? `${microseconds(point.p50)} / ${microseconds(point.p99)}` : "";
		});
		table.push([gapNs > 0 ? `${gapNs / 1000} µs` : "as fast as possible", ...cells]);
	}
	return table.toString();
}

/** The rates that the senders reached with no gap. */
export function reached(results: readonly LoadResult[]): string {
	const rates = results.flatMap(({ title, points }) =>
		points
			.filter(({ gapNs }) => gapNs === 0)
			.map(({ reachedNs }) => `${title}: a message every ${reachedNs.toFixed(0)} ns`),
	);
	return `As fast as possible is, for ${rates.join("; for ")}.`;
}

/** Explains the table. */
export const legend = `µs, p50 / p99: from the time at which a message was due, whenever the sender got to send it, until the receiver had it.
As fast as possible: from the time at which its send began. 64 bytes, from one process to another; medians over the runs.
libipc, polls: recvInto with timeout 0, repeated. libipc, recvInto: it waits, which is some spinning, then sleep.`;

function microseconds(ns: number): string {
	return (ns / 1000).toFixed(ns < 10_000 ? 2 : 1);
}
