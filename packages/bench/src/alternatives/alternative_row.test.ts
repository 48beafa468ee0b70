import { expect, test } from "bun:test";
import { rowsOf } from "./alternative_row.ts";
import { alternativesTable } from "./alternatives_table.ts";

const start = (transport: string, nsPerMessage: number, corrupt = 0) => ({
	transport,
	receivers: 1,
	nsPerMessage,
	delivered: 10,
	expected: 10,
	corrupt,
});

// The machine was half as fast in the second of the three starts.
const rows = rowsOf([50, 100, 52].flatMap((ns) => [start("libipc route", ns), start("pipe", 3 * ns)]));

test("a row has all starts of its transport, and their median", () => {
	expect(rows).toEqual([
		{ ...start("libipc route", 52), startsNs: [50, 100, 52], delivered: 30, expected: 30 },
		{ ...start("pipe", 156), startsNs: [150, 300, 156], delivered: 30, expected: 30 },
	]);
});

test("the ratio compares what was measured in the same start", () => {
	const [first, ...others] = rowsOf([
		start("libipc route", 50),
		start("libipc route", 100),
		start("libipc route", 100),
	]);
	const pipe = rowsOf([start("pipe", 150), start("pipe", 200), start("pipe", 500)]);
	expect(others).toEqual([]);
	expect(alternativesTable([...(first ? [first] : []), ...pipe], [1])).toMatch(/pipe .* 200 .* 3\.0 .* 100 %/);
});

test("one corrupt message in any start makes the row wrong", () => {
	const wrong = rowsOf([start("libipc route", 50), start("pipe", 100), start("pipe", 100, 1)]);
	expect(alternativesTable(wrong, [1])).toMatch(/pipe .* WRONG/);
});
