import { expect, test } from "bun:test";
import { fuzzCodecs } from "./testing/fuzz_codecs.ts";

test("damaged values are refused, or read as they are", () => {
	const inputs = 4000;
	const refused = fuzzCodecs(inputs, 1, `fuzz-codecs-${process.pid}`);
	expect(refused).toBeGreaterThan(inputs / 10);
	expect(refused).toBeLessThan(inputs);
});
