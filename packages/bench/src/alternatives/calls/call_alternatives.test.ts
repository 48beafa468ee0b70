import { expect, test } from "bun:test";
import { callAlternatives } from "./call_alternatives.ts";
import { measureCalls } from "./measure_calls.ts";

test.each(callAlternatives.map((alternative) => [alternative.name, alternative] as const))(
	"%s: each answer and each value of another process is right, and an abort ends the measurement",
	async (name, alternative) => {
		const availability = await alternative.available?.();
		if (availability?.available === false) {
			expect(availability.reason).not.toContain("\n");
			await expect(alternative.connect()).rejects.toThrow(availability.reason);
			return;
		}
		const start = await measureCalls(alternative, { count: 200, warmUp: 50 });
		expect(start).toMatchObject({ transport: name, count: 200, wrong: 0 });
		expect(start.calls.p50).toBeGreaterThan(0);
		expect(start.reads.p50).toBeGreaterThan(0);

		const controller = new AbortController();
		const reason = new Error("enough");
		const endless = measureCalls(alternative, { count: 10_000_000, warmUp: 0, signal: controller.signal });
		setTimeout(() => controller.abort(reason), 50);
		await expect(endless).rejects.toBe(reason);
		await expect(measureCalls(alternative, { count: 1, warmUp: 0, signal: controller.signal })).rejects.toBe(reason);
	},
	300_000,
);
