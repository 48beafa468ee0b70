import { expect, test } from "bun:test";
import { SleepHistory } from "./sleep_history.ts";

function sleepsAtOnce(history: SleepHistory): number {
	let count = 0;
	while (!history.pauses()) count++;
	return count;
}

test("receivers that sleep each time pause less, until a wait ends while it pauses", () => {
	const history = new SleepHistory();
	const counts = Array.from({ length: 7 }, () => {
		const count = sleepsAtOnce(history);
		history.record(true);
		return count;
	});
	expect(counts).toEqual([0, 0, 1, 3, 7, 7, 7]);
	expect(history.pauses()).toBe(false);
	history.record(false);
	expect(sleepsAtOnce(history)).toBe(0);
	history.record(true);
	expect(sleepsAtOnce(history)).toBe(0);
});
