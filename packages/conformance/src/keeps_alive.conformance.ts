import assert from "node:assert/strict";
import { scale } from "@libipc/testing/scale";
import { text } from "@libipc/testing/text";
import { sleep } from "@libipc/testing/timing";
import { afterAll, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel } from "./under_test.ts";

const names = new Names("keeps_alive");
const { prefix } = names;

afterAll(() => names.clear());

describe("what keeps a process alive", () => {
	const run = (program: string, name: string, argument: string | number = "") =>
		startProgram("async", [program, prefix, name, argument]);

	test.each(["waits", "unref, waits, ref"])("a receiver that waits does (%s)", async (program) => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		await using child = run(program, name);
		assert.equal(await child.line(), '"waiting"');
		assert.equal(await Promise.race([child.exited, sleep(300)]), undefined);
		assert.equal(await sender.sendAsync("hello"), true);
		assert.equal(await child.line(), '"hello"');
		// And then it has nothing to wait for.
		assert.equal(await child.exited, 0);
	});

	test("a sender that waits for room does", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix, capacity: 4096 });
		await using child = run("sends to a full ring", name);
		assert.equal(await child.line(), '"waiting"');
		assert.equal(await Promise.race([child.exited, sleep(300)]), undefined);
		let last = "";
		while (last !== "last") last = text(await receiver.recvAsync({ timeout: 10_000 })) ?? "nothing came";
		assert.equal(await child.line(), "true");
		assert.equal(await child.exited, 0);
	});

	test.each([
		["waits, unref", '"waiting"'],
		["unref, waits", '"waiting"'],
		["waits with a timeout, unref", '"waiting"'],
		["waited, aborted", '"enough"'],
		["waited, got it", '"it"'],
		["opens only", '"open"'],
	])("nothing else does (%s)", async (program, line) => {
		await using child = run(program, names.next());
		assert.equal(await child.line(), line);
		assert.equal(await child.exited, 0);
	});

	test.each([0, 100])("process.exit ends a program that waits, after %d ms", async (delay) => {
		const name = names.next();
		using sender = Channel.sender(name, { prefix });
		await using child = run("exits while waiting", name, delay);
		assert.equal(await child.exited, 7);
		// It has closed its endpoints: no other process has to find out that it is gone.
		assert.equal(sender.receiverCount, 0);
	});

	test("an exit handler finds endpoints closed, not freed", async () => {
		await using child = run("uses endpoints while it exits", names.next());
		assert.equal(await child.exited, 0);
		assert.deepEqual([await child.line(), await child.line()], ['"ERR_IPC_CLOSED"', '"ERR_IPC_CLOSED"']);
	});
});

describe("processor time", () => {
	test("eight endpoints that wait in the event loop use none", async () => {
		const name = names.next();
		await using child = startProgram("async", ["idles", prefix, name, scale(3000, 1000)]);
		const { cpuMs } = await child.report<{ cpuMs: number }>();
		assert.ok(cpuMs < 50, `${cpuMs} ms`);
		assert.deepEqual(await child.report<string[]>(), Array(8).fill("ERR_IPC_CLOSED"));
		assert.equal(await child.exited, 0);
	});

	test("a receiver that waits in a call uses none", async () => {
		await using child = startProgram("async", ["idles in a call", prefix, names.next(), scale(3000, 1000)]);
		const { cpuMs } = await child.report<{ cpuMs: number }>();
		assert.ok(cpuMs < 10, `${cpuMs} ms`);
	});
});
