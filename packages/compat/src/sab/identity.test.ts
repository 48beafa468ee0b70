import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { isSystemThreadAlive, systemIdentity } from "./identity.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

describe.if(process.platform === "linux")("who a thread is, as the system tells", () => {
	const self = systemIdentity();
	if (!self) throw new Error("no /proc");

	test("is the same each time, and alive", () => {
		expect(systemIdentity()).toEqual(self);
		expect(self.high).toBe(process.pid); // the main thread
		expect(isSystemThreadAlive(self.low, self.high)).toBe(true);
	});

	test("differs from a thread with the same number that started at another time", () => {
		expect(isSystemThreadAlive(self.low + 1, self.high)).toBe(false);
	});

	test("is not alive if there is no such thread in this process", () => {
		expect(isSystemThreadAlive(self.low, 2 ** 30)).toBe(false);
		expect(isSystemThreadAlive(self.low, 0)).toBe(false);
		expect(isSystemThreadAlive(self.low, 1)).toBe(false);
		expect(isSystemThreadAlive(self.low, -1)).toBe(false);
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
