import { expect, test } from "bun:test";
import { checkCount } from "./check_count.ts";

test("the expected count passes; one less and one more are refused by name", () => {
	checkCount("Mutex", 1000, 1000);
	expect(() => checkCount("Mutex", 999, 1000)).toThrow("Mutex counted to 999, not 1,000");
	expect(() => checkCount("Mutex", 1001, 1000)).toThrow("Mutex counted to 1,001, not 1,000");
});
