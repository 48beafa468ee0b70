import { barChart } from "../charts/bar_chart.ts";
import { newTable } from "../command/table.ts";
import type { AlternativeResult } from "./alternative.ts";

/** A transport to a number of receivers, as `--json` writes it. The first rows are those of libipc. */
export type AlternativeRow = Omit<AlternativeResult, "runsNs">;

/** Whether every message was delivered, and was the expected one. */
export function isRight({ delivered, expected, corrupt }: AlternativeRow): boolean {
	return delivered === expected && corrupt === 0;
}

const transportsOf = (rows: readonly AlternativeRow[]): string[] => [
	...new Set(rows.map(({ transport }) => transport)),
];

function nsPerMessage(rows: readonly AlternativeRow[], transport: string | undefined, receivers: number): number {
	const row = rows.find((each) => each.transport === transport && each.receivers === receivers);
	return row?.nsPerMessage ?? Number.NaN;
}

export function alternativesTable(rows: readonly AlternativeRow[], receiverCounts: readonly number[]): string {
	const table = newTable(
		["transport", ...receiverCounts.flatMap((receivers) => [`1-${receivers} ns/message`, "÷ libipc"]), "delivered"],
		["left", ...receiverCounts.flatMap(() => ["right", "right"] as const), "right"],
	);
	const transports = transportsOf(rows);
	for (const transport of transports) {
		const cells = receiverCounts.flatMap((receivers) => {
			const ns = nsPerMessage(rows, transport, receivers);
			return [Math.round(ns).toLocaleString("en"), (ns / nsPerMessage(rows, transports[0], receivers)).toFixed(1)];
		});
		const allRight = rows.filter((row) => row.transport === transport).every(isRight);
		table.push([transport, ...cells, allRight ? "100 %" : "WRONG"]);
	}
	return table.toString();
}

/** How many receivers the benchmark measures each transport with. */
export const RECEIVERS: readonly number[] = [1, 8];

const COLORS = ["blue", "orange"] as const;

export function alternativesChart(
	machine: string,
	rows: readonly AlternativeRow[],
	receiverCounts: readonly number[],
): string {
	const transports = transportsOf(rows);
	return barChart({
		title: "Nanoseconds per message from one sender, lossless and checked",
		subtitle: machine,
		categories: transports,
		axis: "ns per message (logarithmic; less is better)",
		series: receiverCounts.map((receivers, i) => ({
			name: receivers === 1 ? "1 receiver" : `${receivers} receivers`,
			color: COLORS[i % COLORS.length] ?? "grey",
			values: transports.map((transport) => nsPerMessage(rows, transport, receivers)),
		})),
	});
}
