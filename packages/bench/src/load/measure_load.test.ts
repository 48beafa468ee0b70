import { beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { measureLoad } from "./measure_load.ts";
import { variants } from "./variant.ts";

// The build makes the C program, and does nothing if the program is there already.
const root = fileURLToPath(new URL("../../../..", import.meta.url));
beforeAll(() => {
	expect(spawnSync(process.execPath, ["run", "build"], { cwd: root, stdio: "inherit" }).status).toBe(0);
}, 60_000);

test("every variant delivers every message at every load", async () => {
	const gapsNs = [20_000, 0];
	const results = await measureLoad({ gapsNs, most: 200, runs: 1 }, new AbortController().signal);
	expect(results.map(({ id }) => id)).toEqual(variants.map(({ id }) => id));
	for (const { points } of results) {
		expect(points.map(({ gapNs }) => gapNs)).toEqual(gapsNs);
		for (const { count, p50, p99, p999, reachedNs, gapNs } of points) {
			expect(count).toBe(200);
			expect(p50).toBeGreaterThan(0);
			expect(p50).toBeLessThanOrEqual(p99);
			expect(p99).toBeLessThanOrEqual(p999);
			// The last message is sent when it is due, or later.
			expect(reachedNs).toBeGreaterThanOrEqual((gapNs * 199) / 200);
		}
	}
}, 60_000);

test.each(variants.map((variant) => [variant.id, variant] as const))(
	"an abort during the messages ends %s",
	async (_id, { measure }) => {
		const controller = new AbortController();
		const reason = new Error("enough");
		const measured = measure(1_000_000, 1_000_000, controller.signal);
		setTimeout(() => controller.abort(reason), 300);
		await expect(measured).rejects.toBe(reason);
	},
	30_000,
);
