import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { isRunning } from "./process_state.ts";
import { filesOf } from "./segment_files.ts";
import { TestProgram } from "./test_program.ts";
import { sleep } from "./timing.ts";

const FILE = new URL("testing/interrupted.child.ts", import.meta.url);

interface Started {
	readonly prefix: string;
	readonly pid: number;
}

const registries = (pid: number) => readdirSync(tmpdir()).filter((file) => file.startsWith(`libipc-test.${pid}.`));

async function expectCleanedUp(program: TestProgram, { prefix, pid }: Started): Promise<void> {
	const patience = performance.now() + 120_000;
	const isLeft = () => isRunning(pid) || filesOf(prefix).length > 0 || registries(program.pid).length > 0;
	while (isLeft() && performance.now() < patience) await sleep(5);
	assert.deepEqual(
		{ files: filesOf(prefix), isRunning: isRunning(pid), registries: registries(program.pid) },
		{ files: [], isRunning: false, registries: [] },
	);
}

for (const state of ["waits in its event loop", "is blocked in a call"] as const)
	describe(`a test process that ${state}`, () => {
		for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const)
			test(`leaves no process and no segment after ${signal}`, async () => {
				await using program = new TestProgram(FILE, [state], { transport: "processes" });
				const started = await program.report<Started>();
				assert.deepEqual([isRunning(started.pid), filesOf(started.prefix).length], [true, 1]);
				program.signal(signal);
				await program.exited;
				await expectCleanedUp(program, started);
			});
	});

test("a test process that fails leaves no process and no segment", async () => {
	await using program = new TestProgram(FILE, ["fails"], { transport: "processes" });
	const started = await program.report<Started>();
	assert.notEqual(await program.exited, 0);
	await expectCleanedUp(program, started);
});

test("a test process that ends as it should leaves no registry, and starts no clean-up", async () => {
	await using program = new TestProgram(FILE, ["ends"], { transport: "processes" });
	const started = await program.report<Started>();
	assert.equal(await program.exited, 0);
	assert.deepEqual(registries(program.pid), []);
	assert.equal(isRunning(started.pid), false);
});
