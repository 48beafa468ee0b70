import type { Color } from "../charts/chart_page.ts";
import { lineChart } from "../charts/line_chart.ts";
import type { LoadResult } from "./result.ts";

const COLORS: Record<string, Color> = {
	"c-spin": "grey",
	"libipc-poll": "violet",
	"c-backoff": "orange",
	"libipc-block": "blue",
};

/** Offered load against latency: p50 solid, p99 dashed. The last point of a line is as fast as possible. */
export function loadChart(machine: string, results: readonly LoadResult[]): string {
	return lineChart({
		title: "How long a message takes to arrive, at an offered load",
		subtitle: `64 bytes from one process to another; the last point: as fast as possible. ${machine}`,
		x: "messages per second",
		y: "µs since the message was due (less is better)",
		series: results.flatMap(({ id, title, points }) =>
			(["p50", "p99"] as const).map((share) => ({
				name: `${title}, ${share}`,
				color: COLORS[id] ?? "grey",
				isDashed: share === "p99",
				points: points.map((point) => ({ x: 1e9 / (point.gapNs || point.reachedNs), y: point[share] / 1000 })),
			})),
		),
	});
}
