import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("bench.ts", import.meta.url));

const run = (...options: string[]) => Bun.spawnSync([process.execPath, program, "--engine", "sab", ...options]);

test("every way between threads delivers everything", () => {
	const small = ["--count", "4000", "--runs", "1", "--max-threads", "2"];
	const { exitCode, stdout, stderr } = run(...small);
	expect(stderr.toString()).toBe("");
	const text = stdout.toString();
	for (const title of ["route:", "channel 1-N:", "channel N-1:", "channel N-N:"]) expect(text).toContain(title);
	expect(text.match(/100 %/g)).toHaveLength(8);
	expect(exitCode).toBe(0);
}, 60_000);

test("a wrong option is told in a line, with status 2", () => {
	const { exitCode, stderr } = run("--patterns", "star");
	expect(stderr.toString().trim()).toBe('--patterns: "star" is not one of route, 1-N, N-1, N-N; see --help');
	expect(exitCode).toBe(2);
});
