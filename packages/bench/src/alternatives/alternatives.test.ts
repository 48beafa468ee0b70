import { describe, expect, test } from "bun:test";
import { peers } from "./alternatives.ts";

const OPTIONS = { count: 2_000, min: 2, max: 256, receivers: 2, runs: 1 };

describe.each(peers.map((peer) => [peer.name, peer] as const))("%s", (_name, peer) => {
	test("delivers every message, undamaged, to every receiver", async () => {
		const availability = await peer.available?.();
		if (availability?.available === false) {
			expect(availability.reason).not.toContain("\n");
			await expect(peer.measure(OPTIONS)).rejects.toThrow(availability.reason);
			return;
		}
		const result = await peer.measure(OPTIONS);
		expect(result).toMatchObject({ transport: peer.name, receivers: 2, delivered: 4_000, expected: 4_000, corrupt: 0 });
		expect(result.runsNs).toHaveLength(1);
		expect(result.nsPerMessage).toBeGreaterThan(0);
	}, 30_000);

	test("does not start when the signal is already aborted", async () => {
		if ((await peer.available?.())?.available === false) return;
		const reason = new Error("not now");
		await expect(peer.measure({ ...OPTIONS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
	}, 30_000);

	test("ends with the reason of an abort half-way", async () => {
		if ((await peer.available?.())?.available === false) return;
		const controller = new AbortController();
		const reason = new Error("enough");
		const measured = peer.measure({ ...OPTIONS, runs: 1_000_000, signal: controller.signal });
		setTimeout(() => controller.abort(reason), 300);
		await expect(measured).rejects.toBe(reason);
	}, 30_000);
});
