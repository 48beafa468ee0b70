import { describe, expect, test } from "bun:test";
import { headerWord, type IpcError, Kind } from "@libipc/protocol";
import { Segment } from "../segment/segment.ts";
import { UNIT_BYTES } from "./hub_layout.ts";
import type { NameOptions } from "./name_options.ts";
import { keyOf } from "./name_table.ts";
import { openName } from "./names.ts";
import { clearSegment, openAsSender } from "./open_segment.ts";
import { few, handle, receiver, sender, small, UNITS, usedBytes } from "./testing/open_segments.ts";
import { codeOf, noOptions, PretendProcess } from "./testing/pretend.ts";

describe("names in the hub", () => {
	test("lead all threads to the same segment; each prefix and kind has its own", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const first = sender(a, "name");
		const second = receiver(b, "name");
		expect(second.segment.bytes.byteOffset).toBe(first.segment.bytes.byteOffset);
		expect(second.segment.words[headerWord.receiverCount]).toBe(1);
		expect(first.segment.words[headerWord.senderCount]).toBe(1);
		const others = [
			openAsSender(a, "channel", "prefix", "name", small),
			openAsSender(a, "channel", "", "prefixname", small),
			openAsSender(a, "queue", "", "name", small),
			handle(a, "mutex", "name"),
		];
		const offsets = [first, ...others].map(({ segment }) => segment.bytes.byteOffset);
		expect(new Set(offsets).size).toBe(offsets.length);
	});

	test("end with their last endpoint, and their memory is free", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const first = sender(a, "name");
		const second = receiver(b, "name");
		const used = usedBytes(a);
		first.leave();
		expect(usedBytes(a)).toBe(used);
		second.leave();
		expect(usedBytes(a)).toBe(0);
		const again = sender(b, "name", { ...small, capacity: 8192 });
		expect(again.segment.capacity).toBe(8192);
	});

	test("that only dead threads had open are replaced", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		sender(a, "name", small, "route");
		process.kill(a);
		const again = sender(b, "name", { ...small, capacity: 8192 }, "route");
		expect(again.segment.capacity).toBe(8192);
		again.leave();
		expect(usedBytes(b)).toBe(0);
	});

	test("that only dead threads had open give their memory back when it is needed", () => {
		const process = new PretendProcess(UNITS);
		const survivor = process.start();
		sender(survivor, "kept");
		for (let round = 0; round < 20; round++) {
			const thread = process.start();
			for (let i = 0; i < 5; i++) sender(thread, `name ${round} ${i}`);
			process.kill(thread);
		}
		// The size is another one, so free neighbours must have been joined.
		expect(sender(survivor, "large", { ...small, capacity: 2 ** 20 }).segment.capacity).toBe(2 ** 20);
	});

	test("that were removed stay open for the threads that have them open", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const old = sender(a, "name");
		clearSegment(b, "channel", "", "name");
		expect(old.segment.words[headerWord.orphaned]).toBe(1);
		const other = sender(b, "name");
		expect(other.segment.bytes.byteOffset).not.toBe(old.segment.bytes.byteOffset);
		const both = usedBytes(a);
		old.leave();
		expect(usedBytes(a)).toBe(both / 2);
		other.leave();
		expect(usedBytes(a)).toBe(0);
		clearSegment(b, "channel", "", "name"); // there is nothing to clear
	});

	test("that were removed keep their memory until the last thread has left", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const [first, second] = [sender(a, "name"), receiver(b, "name")];
		clearSegment(a, "channel", "", "name");
		first.leave();
		expect(sender(a, "name").segment.bytes.byteOffset).not.toBe(second.segment.bytes.byteOffset);
		const used = usedBytes(a);
		second.leave();
		expect(usedBytes(a)).toBe(used / 2);
	});

	test("keep their memory after close while a view of it exists", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		const memory = handle(thread, "memory", "name", { ...few, size: 4096 });
		const view = {};
		thread.retain(memory.segment, view);
		memory.leave();
		expect(usedBytes(thread)).toBeGreaterThan(0);
		// As the registry does when the view is collected.
		thread.releaseHold(memory.segment.bytes.byteOffset / UNIT_BYTES - 1);
		expect(usedBytes(thread)).toBe(0);
	});

	test("are found among ten thousand", () => {
		const process = new PretendProcess(10_000 * 3);
		const thread = process.start();
		const all = Array.from({ length: 10_000 }, (_, i) => handle(thread, "mutex", `name ${i}`));
		const offsets = new Set(all.map(({ segment }) => segment.bytes.byteOffset));
		expect(offsets.size).toBe(10_000);
		expect(codeOf(() => handle(thread, "mutex", "one more"))).toBe("ERR_IPC_NO_SPACE");
		for (const i of [0, 1, 4711, 9999]) {
			const again = handle(thread, "mutex", `name ${i}`);
			expect(again.segment.bytes.byteOffset).toBe(all[i]?.segment.bytes.byteOffset as number);
			again.leave();
		}
		for (const { leave } of all) leave();
		expect(usedBytes(thread)).toBe(0);
	}, 300_000);

	test("report why an open failed", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		sender(thread, "name", { ...small, overflow: 2, permissions: 0o640 }, "route");
		const message = (action: () => unknown): string => {
			try {
				action();
			} catch (error) {
				return `${(error as IpcError).code}: ${(error as IpcError).message}`;
			}
			return "";
		};
		const open = (options: Partial<NameOptions>): string =>
			message(() => receiver(thread, "name", { ...noOptions, permissions: 0o640, ...options }, "route"));
		expect(open({})).toBe("");
		expect(open({ maxReceivers: 2, capacity: 4096, overflow: 2, codec: "json" })).toBe("");
		expect(open({ codec: "text" })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*codec "json".*process \d+ .*"text"/);
		expect(open({ codec: "json" })).toMatch(/^ERR_IPC_TOO_MANY_RECEIVERS/);
		expect(open({})).toMatch(/^ERR_IPC_TOO_MANY_RECEIVERS: .* 2 receivers/);
		expect(open({ capacity: 8192 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*capacity 4096.*8192/);
		expect(open({ maxReceivers: 3 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*maxReceivers 2.*3/);
		expect(open({ overflow: 1 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*"drop-newest".*"block"/);
		expect(open({ permissions: 0o600 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*0o640.*0o600/);
		expect(open({ permissions: 0 })).toMatch(/^ERR_IPC_PERMISSION: .*0o640/);
		expect(message(() => sender(thread, "name", { ...noOptions, permissions: 0o640 }, "route"))).toMatch(
			/^ERR_IPC_HAS_SENDER/,
		);
		const robust = { ...few, initial: 3, robust: 1 };
		handle(thread, "semaphore", "permits", robust);
		expect(message(() => handle(thread, "semaphore", "permits", { ...robust, initial: 4 }))).toMatch(/initial 2.*3/);
		expect(message(() => handle(thread, "semaphore", "permits", { ...robust, robust: 2 }))).toMatch(
			/robust true.*false/,
		);
		const memory = { ...few, size: 100 };
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, mode: 2 }))).toMatch(/^ERR_IPC_NOT_FOUND/);
		handle(thread, "memory", "bytes", { ...memory, mode: 1 });
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, mode: 1 }))).toMatch(/^ERR_IPC_EXISTS/);
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, size: 101 }))).toMatch(/100 bytes.*101/);
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, mode: 2, size: 0 }))).toBe("");
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, size: 0, mode: 2 }))).toMatch(
			/^ERR_IPC_TOO_MANY_HANDLES: .* 2 times/,
		);
		expect(message(() => sender(thread, "large", { ...small, capacity: 2 ** 24 }))).toMatch(
			/^ERR_IPC_NO_SPACE: .*needs 16\d{6} bytes.*of the \d+ MiB/,
		);
	});

	test("that are damaged are reported, and can be cleared", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		const { segment } = sender(thread, "name");
		segment.words[headerWord.codecLength] = 64;
		expect(codeOf(() => receiver(thread, "name", { ...noOptions, codec: "json" }))).toBe("ERR_IPC_CORRUPT");
		expect(codeOf(() => receiver(thread, "name"))).toBe("");
		segment.words[headerWord.bodyOffset] = 1;
		expect(codeOf(() => receiver(thread, "name"))).toBe("ERR_IPC_CORRUPT");
		clearSegment(thread, "channel", "", "name");
		expect(codeOf(() => receiver(thread, "name"))).toBe("");
	});
});

test("two names with the same hash have a segment each", () => {
	const process = new PretendProcess(UNITS);
	const thread = process.start();
	thread.lockNames(0);
	const [a, b] = ["a", "b"].map((name) => ({ ...keyOf(Kind.channel, "", name), hash: 42 }));
	const [first, second] = [a, b].map((key) => openName(thread, key as NonNullable<typeof key>, small));
	if (!(first instanceof Segment && second instanceof Segment)) throw new Error("not opened");
	expect(first.bytes.byteOffset).not.toBe(second.bytes.byteOffset);
});
