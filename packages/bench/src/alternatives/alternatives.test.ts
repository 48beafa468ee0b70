import { describe, expect, test } from "bun:test";
import { alternatives } from "./alternatives.ts";

const OPTIONS = { count: 2_000, min: 2, max: 256, receivers: 2, runs: 1 };

describe.each(alternatives.map((alternative) => [alternative.name, alternative] as const))(
	"%s",
	(_name, alternative) => {
		test("every receiver gets every message, and each is right", async () => {
			const availability = await alternative.available?.();
			if (availability?.available === false) {
				expect(availability.reason).not.toContain("\n");
				await expect(alternative.measure(OPTIONS)).rejects.toThrow(availability.reason);
				return;
			}
			const result = await alternative.measure(OPTIONS);
			expect(result).toMatchObject({
				transport: alternative.name,
				receivers: 2,
				delivered: 4_000,
				expected: 4_000,
				corrupt: 0,
			});
			expect(result.runsNs).toHaveLength(1);
			expect(result.nsPerMessage).toBeGreaterThan(0);
		}, 300_000);

		test("does not start if the signal is already aborted", async () => {
			if ((await alternative.available?.())?.available === false) return;
			const reason = new Error("not now");
			await expect(alternative.measure({ ...OPTIONS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
		}, 300_000);

		test("an abort during the rounds rejects with its reason", async () => {
			if ((await alternative.available?.())?.available === false) return;
			const controller = new AbortController();
			const reason = new Error("enough");
			const measured = alternative.measure({ ...OPTIONS, runs: 1_000_000, signal: controller.signal });
			setTimeout(() => controller.abort(reason), 300);
			await expect(measured).rejects.toBe(reason);
		}, 300_000);
	},
);
