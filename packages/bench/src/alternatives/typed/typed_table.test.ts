import { expect, test } from "bun:test";
import { rowsOf } from "../alternative_row.ts";
import { typedMarkdown, typedTable } from "./typed_table.ts";

const start = (transport: string, receivers: number, nsPerMessage: number, corrupt = 0) => ({
	...{ transport, receivers, nsPerMessage, corrupt },
	delivered: 10,
	expected: 10,
});
const rows = rowsOf([
	start("libipc, json", 1, 640),
	start("libipc, json", 8, 1_260),
	start("Worker postMessage", 1, 3_200),
	start("Worker postMessage", 8, 25_200),
]);

test("the table has the lines of code, microseconds, and the ratio to libipc", () => {
	const table = typedTable(rows, [1, 8]);
	expect(table).toMatch(/libipc, json +│ +\d+ │ +0\.64 │ +1\.0 │ +1\.3 │ +1\.0 │ +100 %/);
	expect(table).toMatch(/Worker postMessage │ +\d+ │ +3\.2 │ +5\.0 │ +25 │ +20\.0 │ +100 %/);
});

test("the table of the README has what one writes, and the same figures", () => {
	const [head, , libipc, worker, ...others] = typedMarkdown(rows, [1, 8]).split("\n");
	expect(others).toEqual([]);
	expect(head).toEndWith("| lines | 1 to 1, µs | 1 to 8, µs |");
	expect(libipc).toMatch(/^\| libipc, json \|.*`sender\.send\(order\)`.* \| \d+ \| 0\.64 \| 1\.3 \|$/);
	expect(worker).toMatch(/^\| Worker postMessage \|.*`.*worker\.postMessage\(order\)`.* \| \d+ \| 3\.2 \| 25 \|$/);
});

test("wrong messages are shown as wrong, and not published", () => {
	const wrong = rowsOf([start("libipc, json", 1, 640), start("redis pub/sub", 1, 640, 1)]);
	expect(typedTable(wrong, [1])).toMatch(/redis pub\/sub .* WRONG/);
	expect(() => typedMarkdown(wrong, [1])).toThrow("redis pub/sub");
});
