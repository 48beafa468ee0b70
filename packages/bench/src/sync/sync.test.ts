import { beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { testUnless } from "@libipc/testing/test_unless";
import { ContenderGroup } from "./contender_group.ts";
import { contendedId, contendedVariants, measureContended } from "./measure_contended.ts";
import { handOverVariants, measureHandOver, p50, p99 } from "./measure_hand_over.ts";
import { measurePairs, pairVariants } from "./measure_pairs.ts";
import { runSyncProgram } from "./sync_program.ts";

const testOnLinux = testUnless(
	process.platform !== "linux",
	"The C program needs robust mutexes and semaphores between processes, which macOS does not have.",
);
const { signal } = new AbortController();

// The build makes the C program, and does nothing if the program is there already.
const root = fileURLToPath(new URL("../../../..", import.meta.url));
beforeAll(() => {
	expect(spawnSync(process.execPath, ["run", "build"], { cwd: root, stdio: "inherit" }).status).toBe(0);
}, 300_000);

testOnLinux(
	"every kind of lock is measured, and every count is right",
	async () => {
		const pairs = await measurePairs({ count: 1000, runs: 2 }, signal);
		for (const { id } of pairVariants) expect(pairs.median(id)).toBeGreaterThan(0);
		const sizes = [2, 3];
		const contended = await measureContended({ sizes, count: 1000, runs: 1 }, signal);
		for (const { id } of contendedVariants)
			for (const size of sizes) expect(contended.median(contendedId(id, size))).toBeGreaterThan(0);
	},
	300_000,
);

testOnLinux(
	"every hand-over is measured, and its percentiles are ordered",
	async () => {
		const series = await measureHandOver({ rounds: 30, runs: 1 }, signal);
		for (const { id } of handOverVariants) {
			expect(series.median(p50(id))).toBeGreaterThan(0);
			expect(series.median(p50(id))).toBeLessThanOrEqual(series.median(p99(id)));
		}
	},
	300_000,
);

// Enough operations that two contenders without a lock meet, also if they share a processor.
const MANY = 100_000_000;

test.each(["process", "worker"] as const)(
	"without a lock the count is wrong, and the run is rejected: transport %s",
	async (transport) => {
		await using crew = new ContenderGroup(transport, 2, signal);
		await expect(crew.run("nothing", 2, MANY)).rejects.toThrow(/^nothing, 2 at once,.* counted to /);
	},
	300_000,
);

testOnLinux(
	"without a lock the count is wrong, and the run is rejected: in C",
	async () => {
		const counted = runSyncProgram("contended", "nothing", { count: MANY, processes: 2 }, signal);
		await expect(counted).rejects.toThrow(/^sync contended nothing \(process \d+\) ended with status 1$/);
	},
	300_000,
);
