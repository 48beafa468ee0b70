import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { descendantsOf, endSessions, isRunning } from "./process_tree.ts";
import { root } from "./repository.ts";
import { must, run } from "./run.ts";

const bun = process.execPath;
const isLinux = process.platform === "linux";

async function until(what: string, holds: () => boolean): Promise<void> {
	const deadline = performance.now() + 120_000;
	while (!holds()) {
		if (performance.now() > deadline) throw new Error(`not within 120 s: ${what}`);
		await Bun.sleep(20);
	}
}

describe("run", () => {
	test("returns the output and the status", async () => {
		const { status, output } = await run(["sh", "-c", "echo out; echo error >&2; exit 3"]);
		expect(status).toBe(3);
		expect(output.split("\n").toSorted()).toEqual(["", "error", "out"]);
	});

	test("gives the input, and passes on whole lines", async () => {
		const lines: string[] = [];
		const { status } = await run(["cat"], { input: "one\ntwo\nthree", onLine: (line) => lines.push(line) });
		expect(status).toBe(0);
		expect(lines).toEqual(["one", "two", "three"]);
	});

	test("reports a command that does not exist, or that a signal has ended", async () => {
		const missing = await run(["./does-not-exist"]);
		expect(missing.status).toBe(1);
		expect(missing.output).toContain("does-not-exist");
		const ended = await run(["sh", "-c", "kill -9 $$"]);
		expect(ended.status).toBe(1);
		expect(ended.output).toContain("SIGKILL");
		expect(must(["sh", "-c", "echo why; false"])).rejects.toThrow("why");
	});

	test("ends what the command has left running", async () => {
		const { status, output } = await run(["sh", "-c", "sleep 600 & echo $!"]);
		expect(status).toBe(0);
		await until("it has ended", () => !isRunning(Number(output)));
	});

	test("ends the command when it is aborted", async () => {
		const aborting = new AbortController();
		const onLine = () => aborting.abort();
		const { status } = await run(["sh", "-c", "echo started; sleep 600"], { signal: aborting.signal, onLine });
		expect(status).toBe(1);
		expect((await run(["sleep", "600"], { signal: aborting.signal })).status).toBe(1);
	});

	test("ends everything that the command has started when its time is over", async () => {
		// The second sleep is in another process group, as the cases of the C tests are.
		const script = "sleep 600 & echo $!; set -m; sleep 600 & echo $!; wait";
		const pids: number[] = [];
		const { status, output } = await run(["bash", "-c", script], {
			timeout: 1000,
			onLine: (line) => void pids.push(Number(line)),
		});
		expect(status).toBe(1);
		expect(output).toContain("it took more than 1 s");
		expect(pids).toHaveLength(2);
		await until("both have ended", () => !pids.some(isRunning));
	});
});

/** Files of shared memory whose names have the id of one of the processes. */
const segmentsOf = (pids: ReadonlySet<number>): string[] =>
	readdirSync("/dev/shm").filter(
		(name) => name.startsWith("libipc.") && [...name.matchAll(/\d+/g)].some(([number]) => pids.has(Number(number))),
	);

describe.if(isLinux && existsSync("/dev/shm"))("the test runner, when it is interrupted", () => {
	let runner: ChildProcess | undefined;

	afterEach(async () => {
		if (runner?.pid !== undefined) await endSessions(new Set([runner.pid]));
	});

	/** Starts some steps, waits until they have made segments, and interrupts the runner. */
	async function interrupt(signal: "SIGINT" | "SIGTERM" | "SIGHUP", ...command: readonly string[]): Promise<void> {
		const [program = "", ...args] = command;
		const child = spawn(program, args, { cwd: root, stdio: "ignore", detached: true });
		runner = child;
		const runnerPid = child.pid ?? 0;
		const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
		const before = new Set(readdirSync("/dev/shm"));
		const pids = new Set<number>();
		const look = (): void => {
			for (const { pid } of descendantsOf(runnerPid)) pids.add(pid);
		};
		await until("there are segments", () => {
			look();
			if (child.exitCode !== null) throw new Error(`the runner has ended with ${child.exitCode}`);
			// What another program left may have the same number in its name.
			return segmentsOf(pids).some((name) => !before.has(name));
		});
		look();
		child.kill(signal);
		const status = await ended;
		if (program === bun) expect(status).toBe({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal]);
		else await until("the runner has seen that npx has ended", () => ![...pids].some(isRunning));
		expect([...pids].filter(isRunning)).toEqual([]);
		expect(segmentsOf(pids).filter((name) => !before.has(name))).toEqual([]);
	}

	test("SIGINT in a step with processes that share memory leaves nothing", () =>
		interrupt("SIGINT", bun, "scripts/test.ts", "chaos"));

	test("SIGTERM in a C test leaves nothing", () =>
		interrupt("SIGTERM", bun, "scripts/test_native.ts", "--quick", "plain", "limits_test"));

	test("SIGHUP in a step leaves nothing", () => interrupt("SIGHUP", bun, "scripts/test.ts", "chaos"));

	test("SIGTERM to npx leaves nothing", () => interrupt("SIGTERM", "npx", "bun", "run", "test", "chaos"));
});
