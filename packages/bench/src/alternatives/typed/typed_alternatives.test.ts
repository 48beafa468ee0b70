import { expect, test } from "bun:test";
import { findRedisServer } from "../redis_server.ts";
import { redisPubSub } from "./redis.ts";
import { typedAlternatives } from "./typed_alternatives.ts";

const OPTIONS = { count: 2_000, min: 2, max: 256, receivers: 2, runs: 1 };

test.each(typedAlternatives.map((alternative) => [alternative.name, alternative] as const))(
	"%s: every receiver gets every order, and each is right",
	async (name, alternative) => {
		const availability = await alternative.available?.();
		if (availability?.available === false) {
			expect(availability.reason).not.toContain("\n");
			await expect(alternative.measure(OPTIONS)).rejects.toThrow(availability.reason);
			return;
		}
		const result = await alternative.measure(OPTIONS);
		expect(result).toMatchObject({
			transport: name,
			receivers: 2,
			delivered: 4_000,
			expected: 4_000,
			corrupt: 0,
		});
		expect(result.nsPerMessage).toBeGreaterThan(0);
	},
	300_000,
);

test("redis: an abort during the rounds rejects with its reason", async () => {
	if (Bun.which("redis-server") === null) return expect(() => findRedisServer()).toThrow("left out");
	const controller = new AbortController();
	const reason = new Error("enough");
	const measured = redisPubSub.measure({ ...OPTIONS, runs: 1_000_000, signal: controller.signal });
	setTimeout(() => controller.abort(reason), 300);
	await expect(measured).rejects.toBe(reason);
}, 300_000);
