import { beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { measureLatency } from "./measure_latency.ts";
import { measureLibipc } from "./measure_libipc.ts";
import { measureProgram } from "./measure_program.ts";
import { variants } from "./variant.ts";

// The build makes the C program, and does nothing if the program is there already.
const root = fileURLToPath(new URL("../../../..", import.meta.url));
beforeAll(() => {
	expect(spawnSync(process.execPath, ["run", "build"], { cwd: root, stdio: "inherit" }).status).toBe(0);
}, 300_000);

test("every variant answers every round, and its percentiles are ordered", async () => {
	const results = await measureLatency({ rounds: 100, runs: 2 }, new AbortController().signal);
	expect(results.map(({ id }) => id)).toEqual(variants.map(({ id }) => id));
	for (const { pace, rounds, runs, median, comparisons } of results) {
		expect(rounds).toBe({ spinning: 100, calling: 5, paused: 1 }[pace]);
		expect(runs).toHaveLength(2);
		for (const { p50, p99, p999 } of [...runs, median]) {
			expect(p50).toBeGreaterThan(0);
			expect(p50).toBeLessThanOrEqual(p99);
			expect(p99).toBeLessThanOrEqual(p999);
		}
		for (const { ratio } of comparisons) expect(ratio).toBeGreaterThan(0);
	}
}, 300_000);

const LONG = 50_000;

test.each([
	["C", (signal: AbortSignal) => measureProgram({ mode: "futex", rounds: LONG, pauseMs: 1 }, signal)],
	[
		"libipc",
		(signal: AbortSignal) => measureLibipc({ receiving: "block", rounds: LONG, warmUpRounds: 0, pauseMs: 1 }, signal),
	],
])(
	"an abort during the rounds ends %s",
	async (_name, measure) => {
		const controller = new AbortController();
		const reason = new Error("enough");
		const measured = measure(controller.signal);
		setTimeout(() => controller.abort(reason), 500);
		await expect(measured).rejects.toBe(reason);
	},
	300_000,
);
