import { afterAll, describe, expect, test } from "bun:test";
import { rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { Names } from "@libipc/testing/names";
import { TestProgram } from "@libipc/testing/test_program";
import * as library from "./index.ts";
import { Channel, SharedMemory } from "./index.ts";

const names = new Names("damaged", library);
const { prefix } = names;
const index = JSON.stringify(import.meta.resolve("./index.ts"));
const path = (kind: string, name: string) => names.path(kind, name);
const code = (value: string) => expect.objectContaining({ code: value });
const isLinux = process.platform === "linux";

afterAll(() => names.clear());

const kinds = ["route", "channel", "queue", "mutex", "rwlock", "semaphore", "condition", "memory", "signal"];

/** Seeds that follow from nothing but these: a failure prints the one to run testing/damage.child.ts with. */
describe.if(isLinux)("whatever the bytes are, every call answers", () => {
	for (const kind of kinds)
		for (const how of ["changed", "cut off"])
			test(`${kind}, ${how}`, async () => {
				await using child = new TestProgram(
					new URL("testing/damage.child.ts", import.meta.url),
					[kind, 31, 8, how === "changed" ? "" : "truncate"],
					{ transport: "processes" },
				);
				const answers = await child.report<Record<string, number>>();
				expect(answers.answered).toBeGreaterThan(0);
				expect(await child.exited).toBe(0);
			}, 300_000);
});

describe.if(isLinux)("a file that is made smaller", () => {
	test("wakes a receiver that waits in another process", async () => {
		using sender = Channel.sender("asleep", { prefix });
		const program = `
			import { Channel } from ${index};
			using receiver = Channel.receiver("asleep", { prefix: "${prefix}" });
			console.log("ready");
			try { receiver.recv() } catch (error) { console.log(error.code) }`;
		const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
		sender.waitForReceivers(1);
		truncateSync(path("channel", "asleep"), 0);
		expect(await new Response(child.stdout).text()).toBe("ready\nERR_IPC_CORRUPT\n");
		expect(await child.exited).toBe(0);
		expect(() => sender.send("x")).toThrow(code("ERR_IPC_CORRUPT"));
	});

	test("leaves zeros in the views of shared memory, and its calls say why", () => {
		using memory = SharedMemory.open("views", { prefix, size: 300_000 });
		const view = memory.bytes.fill(7);
		truncateSync(path("memory", "views"), 65_536 + 4096);
		expect([view[0], view[4095], view[4096], view[299_999]]).toEqual([7, 7, 0, 0]);
		for (const call of [
			() => memory.bytes,
			() => memory.words,
			() => memory.byteLength,
			() => memory.wake(0),
			() => memory.waitOn(0, 7),
		])
			expect(call).toThrow(code("ERR_IPC_CORRUPT"));
		expect(() => memory.grow(400_000)).toThrow(code("ERR_IPC_CORRUPT"));
		view[299_999] = 1; // private to this process by now
		expect(view[299_999]).toBe(1);
	});

	test("of a mapping that is not libipc's still ends the process", () => {
		const file = `${tmpdir()}/${prefix}.other`;
		const program = `
			import { SharedMemory } from ${index};
			import { truncateSync, writeFileSync } from "node:fs";
			const memory = SharedMemory.open("shrunk", { prefix: "${prefix}", size: 4096 });
			writeFileSync("${file}", new Uint8Array(8192));
			const bytes = Bun.mmap("${file}");
			truncateSync("${file}", 0);
			console.log(bytes[5000]);
			console.log("alive");`;
		const { exitCode, signalCode, stdout } = Bun.spawnSync([process.execPath, "-e", program], { stderr: "ignore" });
		rmSync(file, { force: true });
		expect(stdout.toString()).not.toContain("alive");
		expect(exitCode === 0 && !signalCode).toBe(false);
	});
});
