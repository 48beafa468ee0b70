import { expect, test } from "bun:test";
import { callPrograms, linesOf } from "./call_programs.ts";
import { callRowsOf } from "./call_row.ts";
import { callsMarkdown, callsTable } from "./calls_table.ts";

const times = (p50: number) => ({ p50, p99: p50 * 4, p999: p50 * 9 });
const start = (transport: string, call: number, read: number, wrong = 0) => ({
	...{ transport, count: 100, wrong },
	calls: times(call),
	reads: times(read),
});
const rows = callRowsOf([
	start("comlink", 10_000, 400),
	start("redis", 40_000, 12_000),
	start("comlink", 30_000, 600),
	start("redis", 60_000, 12_000),
	start("comlink", 20_000, 800),
	start("redis", 60_000, 12_000),
]);
const lines = (transport: string): number => {
	const program = callPrograms[transport];
	return program === undefined ? 0 : linesOf(program);
};

test("a row has the medians of its starts, and each start", () => {
	expect(rows.map(({ transport, calls: { p50, p99 } }) => [transport, p50, p99])).toEqual([
		["comlink", 20_000, 80_000],
		["redis", 60_000, 240_000],
	]);
	expect(rows[0]?.calls.starts).toEqual([10_000, 30_000, 20_000].map((p50) => ({ p50, p99: p50 * 4 })));
});

test("the table has microseconds, and the ratio to the first row in the same starts", () => {
	const table = callsTable(rows);
	const row = (...cells: (string | number)[]) => new RegExp(cells.map((cell) => ` *${cell} +`).join("│"));
	expect(table).toMatch(row("comlink", lines("comlink"), 20, 80, "1\\.0", "0\\.60", "2\\.4", "1\\.0", "right"));
	// 4, 2 and 3 times; 30, 20 and 15 times.
	expect(table).toMatch(row("redis", lines("redis"), 60, 240, "3\\.0", 12, 48, 20, "right"));
});

test("the table of the README has what one writes, and the same figures", () => {
	const [head, rule, comlink, redis, ...others] = callsMarkdown(rows).split("\n");
	expect(others).toEqual([]);
	expect(head?.split("|")).toHaveLength(rule?.split("|").length ?? 0);
	expect(comlink).toBe(
		`| comlink | threads of one process | \`await prices.quote(symbol)\` | 20 | 80 | \`await prices.latest()\` | 0.60 | 2.4 | ${lines("comlink")} |`,
	);
	expect(redis).toMatch(/^\| redis \| any processes.* \| 60 \| 240 \| `.*` \| 12 \| 48 \| \d+ \|$/);
});

test("code with backquotes stays code", () => {
	expect(callsMarkdown(callRowsOf([start("HTTP over a Unix socket", 1, 1)]))).toContain(
		`| \`\` await get(\`/quote/\${symbol}\`) \`\` |`,
	);
});

test("wrong answers are shown as wrong, and not published", () => {
	const wrong = callRowsOf([start("comlink", 1, 1), start("redis", 1, 1, 2), start("redis", 1, 1)]);
	expect(callsTable(wrong)).toMatch(/redis .* WRONG/);
	expect(() => callsMarkdown(wrong)).toThrow("redis: 2 answers");
});
