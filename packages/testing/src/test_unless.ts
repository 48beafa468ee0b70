import { test } from "bun:test";

/**
 * `test`, or a test that is skipped if it cannot run here. The reason is printed, and `bun run test` lists it. A skipped
 * test without a reason fails the run.
 */
export function testUnless(cannotRun: boolean, reason: string): (...args: Parameters<typeof test>) => void {
	if (!cannotRun) return test;
	return (title, ...rest) => {
		console.log(`skipped: ${title}: ${reason}`);
		test.skip(title, ...rest);
	};
}
