import { expect, test } from "bun:test";
import { scale } from "@libipc/testing/scale";
import { killServices } from "./testing/kills.ts";

/** `bun run kill:services` kills five hundred. */
test("servers and clients are killed: each call is answered once or fails, and nothing is left", async () => {
	const { problems, answered, longestFailed } = await killServices(scale(12, 6), 1);
	expect(problems).toEqual([]);
	expect(answered).toBeGreaterThan(100);
	// Within a second; a busy machine may add some.
	expect(longestFailed).toBeLessThan(20_000);
}, 120_000);
