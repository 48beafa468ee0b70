import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("threads.ts", import.meta.url));

const run = (...options: string[]) => Bun.spawnSync([process.execPath, program, ...options]);

test("every transport between threads delivers every message", () => {
	const { exitCode, stdout, stderr } = run("--count", "1000", "--runs", "1", "--max-threads", "2");
	expect(stderr.toString()).toBe("");
	const text = stdout.toString();
	for (const title of ["route:", "channel 1-N:", "channel N-1:", "channel N-N:"]) expect(text).toContain(title);
	expect(text.match(/100 %/g)).toHaveLength(8);
	expect(exitCode).toBe(0);
}, 300_000);

test("a wrong value of an option is reported in one line, with status 2", () => {
	const { exitCode, stderr } = run("--patterns", "star");
	expect(stderr.toString().trim()).toBe(
		'bun run bench:threads: --patterns must be one of route, 1-N, N-1, N-N, not "star"',
	);
	expect(exitCode).toBe(2);
});
