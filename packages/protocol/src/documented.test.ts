import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { limits } from "./limits.ts";

/** `docs/errors.md` has every error code, and `docs/limits.md` the limits as they are. */
const textOf = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

/** The cells of the rows of all tables of a page. */
const rowsOf = (page: string): string[][] =>
	textOf(page)
		.split("\n")
		.filter((line) => line.startsWith("| "))
		.map((line) =>
			line
				.split("|")
				.slice(1, -1)
				.map((cell) => cell.trim()),
		);

test("docs/errors.md has one row for each error code", () => {
	const codes = [...textOf("packages/protocol/src/error.ts").matchAll(/^\t\| "(ERR_IPC_\w+)"/gm)].map(
		([, code = ""]) => code,
	);
	expect(codes.length).toBeGreaterThan(30);
	const documented = rowsOf("docs/errors.md").flatMap(([cell = ""]) => cell.match(/^`(ERR_IPC_\w+)`$/)?.[1] ?? []);
	expect(documented.sort()).toEqual(codes.sort());
});

/** The limit that a row of docs/limits.md is about: how its first cell begins, and which of its cells has it. */
const rows: Record<keyof typeof limits, [row: string, cell: number]> = {
	minCapacity: ["`capacity`", 2],
	maxCapacity: ["`capacity`", 3],
	maxReceivers: ["`maxReceivers`", 3],
	maxSenders: ["senders of a channel", 3],
	nameBytes: ["bytes of a name", 3],
	prefixBytes: ["bytes of a `prefix`", 3],
	codecBytes: ["bytes of the id of a codec", 3],
	maxAttempts: ["`maxAttempts`", 3],
	maxDelay: ["`delay` of `retry`", 3],
	reasonBytes: ["bytes of the reason", 3],
	prefetch: ["`prefetch`", 3],
	drainMax: ["messages of one `drain`", 3],
	maxHandles: ["`maxHandles`", 3],
	maxPermits: ["permits of a semaphore", 3],
	maxMemory: ["`size` of shared memory", 3],
	maxValue: ["`maxLength` of a latest value", 3],
};

test("docs/limits.md has the limits as they are", () => {
	const found = Object.entries(rows).map(([limit, [row, cell]]) => [
		limit,
		rowsOf("docs/limits.md").find(([first = ""]) => first.startsWith(row))?.[cell],
	]);
	expect(found).toEqual(Object.entries(limits).map(([limit, value]) => [limit, value.toLocaleString("en-US")]));
});
