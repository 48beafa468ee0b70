import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { isSystemThreadAlive, systemIdentity } from "./identity.ts";

// Others may be using the machine, too.
setDefaultTimeout(60_000);

describe.if(process.platform === "linux")("who a thread is, as the system tells", () => {
	const self = systemIdentity();
	if (!self) throw new Error("no /proc");

	test("is the same each time, and alive", () => {
		expect(systemIdentity()).toEqual(self);
		expect(self.high).toBe(process.pid); // the main thread
		expect(isSystemThreadAlive(self.low, self.high)).toBe(true);
		expect(isSystemThreadAlive(self.low, self.high, "/proc")).toBe(true);
		// The C engine could not learn when it started.
		expect(isSystemThreadAlive(0, self.high)).toBe(true);
	});

	test("differs from a thread with the same number that started at another time", () => {
		expect(isSystemThreadAlive(self.low + 1, self.high)).toBe(false);
	});

	test("is not alive if there is no such thread, in this process or in the system", () => {
		expect(isSystemThreadAlive(self.low, 2 ** 30)).toBe(false);
		expect(isSystemThreadAlive(self.low, 0)).toBe(false);
		expect(isSystemThreadAlive(self.low, 1)).toBe(false);
		expect(isSystemThreadAlive(self.low, -1)).toBe(false);
	});

	test("of another process is alive, and not alive any more when the process is a zombie", async () => {
		// Whose child ends, and is not waited for.
		const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
		const [line] = (await once(parent.stdout, "data")) as [Buffer];
		const child = Number(String(line));
		const started = (pid: number): number =>
			Number(
				readFileSync(`/proc/${pid}/stat`, "utf8")
					.replace(/^.*\) /, "")
					.split(" ")[19],
			) | 0;
		expect(isSystemThreadAlive(started(parent.pid as number), parent.pid as number, "/proc")).toBe(true);
		const patience = performance.now() + 10_000;
		while (!readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z") && performance.now() < patience)
			await new Promise((resolve) => setTimeout(resolve, 1));
		expect(isSystemThreadAlive(started(child), child, "/proc")).toBe(false);
		parent.kill("SIGKILL");
		await once(parent, "exit");
		expect(isSystemThreadAlive(0, parent.pid as number, "/proc")).toBe(false);
	});

	test("that cannot be read is an error, and not another identity", () => {
		const program = `
			import { openSync } from "node:fs";
			import { Mutex } from "../index.ts";
			const files = [];
			try {
				for (;;) files.push(openSync("/dev/null"));
			} catch {}
			try {
				Mutex.open("name");
			} catch (error) {
				console.log(error.code, error.message);
			}`;
		const { stdout } = spawnSync("sh", ["-c", 'ulimit -n 100; exec "$0" -e "$1"', process.execPath, program], {
			cwd: import.meta.dir,
			encoding: "utf8",
		});
		expect(stdout).toMatch(/^ERR_IPC_SYSTEM .*too many files open\?/);
	});
});
