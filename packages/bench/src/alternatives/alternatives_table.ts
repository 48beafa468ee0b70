import { barChart } from "../charts/bar_chart.ts";
import { newTable } from "../command/table.ts";
import { median } from "../statistics/statistics.ts";
import type { AlternativeRow } from "./alternative_row.ts";

/** Whether every message was delivered, and was the expected one. */
export function isRight({ delivered, expected, corrupt }: AlternativeRow): boolean {
	return delivered === expected && corrupt === 0;
}

export const transportsOf = (rows: readonly AlternativeRow[]): string[] => [
	...new Set(rows.map(({ transport }) => transport)),
];

export function rowOf(
	rows: readonly AlternativeRow[],
	transport: string | undefined,
	receivers: number,
): AlternativeRow | undefined {
	return rows.find((each) => each.transport === transport && each.receivers === receivers);
}

/** Median over the starts of the time ÷ the time of libipc in the same start: a disturbance that meets both cancels out. */
export function ratio(row: AlternativeRow | undefined, libipc: AlternativeRow | undefined): number {
	const own = row?.startsNs ?? [];
	return median(own.map((ns, start) => ns / (libipc?.startsNs[start] ?? Number.NaN)));
}

export function alternativesTable(rows: readonly AlternativeRow[], receiverCounts: readonly number[]): string {
	const table = newTable(
		["transport", ...receiverCounts.flatMap((receivers) => [`1-${receivers} ns/message`, "÷ libipc"]), "delivered"],
		["left", ...receiverCounts.flatMap(() => ["right", "right"] as const), "right"],
	);
	const transports = transportsOf(rows);
	for (const transport of transports) {
		const cells = receiverCounts.flatMap((receivers) => {
			const row = rowOf(rows, transport, receivers);
			const times = ratio(row, rowOf(rows, transports[0], receivers));
			return [Math.round(row?.nsPerMessage ?? Number.NaN).toLocaleString("en"), times.toFixed(1)];
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
			values: transports.map((transport) => rowOf(rows, transport, receivers)?.nsPerMessage),
		})),
	});
}
