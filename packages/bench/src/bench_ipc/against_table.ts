import { newTable } from "../command/table.ts";
import { type Interval, isTooNoisy } from "../statistics/bootstrap.ts";
import { type Pattern, titles } from "./pattern.ts";
import type { Row } from "./row.ts";

const HEAD = ["N", "ns/message", "the other", "ratio", "95 % interval", "verdict"];

/** A row of two checkouts that take turns. */
export function againstTable(pattern: Pattern, rows: readonly Row[]): string {
	const table = newTable(
		HEAD,
		HEAD.map((name) => (name === "verdict" ? "left" : "right")),
	);
	for (const { n, usPerMessage, other } of rows) {
		if (!other) continue;
		const { low, high } = other.ratioInterval;
		table.push([
			String(n),
			(usPerMessage * 1e3).toFixed(0),
			(other.usPerMessage * 1e3).toFixed(0),
			other.ratio.toFixed(3),
			`${low.toFixed(3)} to ${high.toFixed(3)}`,
			verdict(other.ratioInterval),
		]);
	}
	return `${titles[pattern]}\n${table.toString()}`;
}

function verdict(interval: Interval): string {
	if (interval.high < 1) return "faster";
	if (interval.low > 1) return "slower";
	return isTooNoisy(interval) ? "noise too high" : "no difference";
}

export const againstLegend = `ns/message: from the first send until the last receiver has every message; median of the runs. Every message is checked.
ratio: the time of this checkout divided by the time of the other one in the same round; median over the runs.
95 % interval: of that median, by bootstrap over the starts and their rounds.
verdict: "faster" or "slower" if the whole interval lies below or above 1; otherwise "no difference", or "noise too high" if the
  interval is so wide (15 %) that a difference could hide in it.`;
