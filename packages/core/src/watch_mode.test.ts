import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clear, list } from "./index.ts";

/** `bun --watch` and the signals that end it. */
const prefix = `watch${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "libipc-"));
const program = join(folder, "main.ts");
const entry = new URL("./index.ts", import.meta.url).pathname;

let running: ChildProcess | undefined;

afterEach(() => {
	running?.kill("SIGKILL");
	rmSync(folder, { recursive: true });
	clear({ prefix });
});

test("a signal ends bun --watch as before, and its names go with it", async () => {
	writeFileSync(
		program,
		`import { Channel } from ${JSON.stringify(entry)};
		const receiver = Channel.receiver("ended", { prefix: ${JSON.stringify(prefix)} });
		console.log("ready");
		for await (const _ of receiver);`,
	);
	for (const signal of ["SIGTERM", "SIGHUP"] as const) {
		const child = spawn(process.execPath, ["--watch", program], { stdio: ["ignore", "pipe", "ignore"] });
		running = child;
		await new Promise((resolve) => child.stdout.once("data", resolve));
		expect(list({ prefix })).toHaveLength(1);
		const ended = new Promise((resolve) => child.once("exit", (_, by) => resolve(by)));
		child.kill(signal);
		expect(await ended).toBe(signal);
		expect(list({ prefix })).toEqual([]);
	}
}, 300_000);
