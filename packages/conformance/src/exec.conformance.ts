/** A program that starts again in the same process, with the same process id: it gets what its predecessor had. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TestProgram } from "@libipc/testing/test_program";
import { expectRecoveries } from "@libipc/testing/timing";
import { afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Queue, Route, Semaphore } from "./under_test.ts";

const names = new Names("exec");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

const GENERATIONS = 3;

/** Each generation takes everything, `again` starts the next one, and the peers of the route see it. */
async function expectGenerations(program: TestProgram, name: string, again: (program: TestProgram) => void) {
	using jobs = Queue.sender(name, { prefix });
	using receiver = Route.receiver(name, { prefix });
	// Otherwise each generation would create a semaphore again, of which only its dead predecessor has a handle.
	using _semaphore = Semaphore.open(name, { prefix, initial: 1, robust: true });
	const peers = receiver.peers()[Symbol.asyncIterator]();
	jobs.send("job");
	const pids = new Set<number>();
	const latencies: number[] = [];
	for (let generation = 0; generation < GENERATIONS; generation++) {
		const started = performance.now();
		if (generation > 0) again(program);
		const { pid, ...got } = await program.report<{ readonly pid: number }>();
		latencies.push(performance.now() - started);
		pids.add(pid);
		const isFirst = generation === 0;
		assert.deepEqual(got, {
			...{ route: "open", locked: [!isFirst, !isFirst], permit: true, recovered: generation },
			job: ["job", generation + 1],
		});
		const types = isFirst ? ["joined"] : ["died", "joined"];
		const seen: (string | undefined)[] = [];
		for (const _ of types) seen.push((await peers.next()).value?.type);
		assert.deepEqual(seen.sort(), types);
	}
	assert.equal(pids.size, 1);
	// Of these, most is what a runtime takes to start.
	expectRecoveries(latencies.slice(1).map((ms) => ms / 3));
}

describe("a process is replaced by exec", () => {
	test.each(["alone", "in a Worker"])("by the same program, %s", async (how) => {
		const name = names.next();
		await using program = startProgram("again", [how, prefix, name]);
		await expectGenerations(program, name, () => program.signal("SIGUSR2"));
	});
});

describe("bun --watch", () => {
	test.each(["alone", "in a Worker"])("after each save, %s", async (how) => {
		const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));
		try {
			const file = join(directory, "main.ts");
			const source = fileURLToPath(new URL("programs/again.ts", import.meta.url));
			writeFileSync(file, `import ${JSON.stringify(source)};\n`);
			const name = names.next();
			const command = [process.execPath, "--watch", "--no-clear-screen"];
			await using program = new TestProgram(pathToFileURL(file), [how, prefix, name], { command });
			await expectGenerations(program, name, () => appendFileSync(file, "// saved\n"));
		} finally {
			rmSync(directory, { recursive: true, force: true });
		}
	});
});
