import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCompiler } from "../../../scripts/lib/toolchain.ts";
import { Channel, IpcError, type IpcErrorCode, Queue, Route } from "./index.ts";
import { Child } from "./testing/child.ts";

const prefix = `bad${process.pid}`;
const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));
const names = new Set<string>();
const unique = () => {
	const name = `n${names.size}`;
	names.add(name);
	return name;
};
const file = (name: string) => `/dev/shm/libipc.channel.${prefix.length}.${prefix}.${name}`;

afterAll(() => {
	for (const name of names) {
		Route.clear(name, { prefix });
		Channel.clear(name, { prefix });
		Queue.clear(name, { prefix });
	}
	rmSync(directory, { recursive: true, force: true });
});

/** Runs what must fail; the error names what was wrong and what to do about it. */
function expectError(code: IpcErrorCode, text: RegExp, run: () => unknown): void {
	let caught: unknown;
	try {
		run();
	} catch (error) {
		caught = error;
	}
	expect(caught).toBeInstanceOf(IpcError);
	expect(caught).toMatchObject({ name: "IpcError", code, message: expect.stringMatching(text) });
}

/** A call with arguments that the types forbid. */
const untyped = (call: unknown, ...args: unknown[]) => (call as (...args: unknown[]) => unknown)(...args);

describe("names", () => {
	test.each([
		["", /empty/],
		["a/b", /"\/"/],
		["a\0b", /control character/],
		["a\nb", /control character/],
		["x".repeat(129), /129 bytes/],
		["ü".repeat(65), /130 bytes/],
		["\ud800", /well-formed/],
	])("%j is refused", (name, text) => {
		expectError("ERR_IPC_INVALID_NAME", text, () => Route.sender(name, { prefix }));
		expectError("ERR_IPC_INVALID_NAME", text, () => Channel.receiver(name, { prefix }));
		expectError("ERR_IPC_INVALID_NAME", text, () => Route.clear(name, { prefix }));
	});
});

describe("options", () => {
	test.each([
		[{ capacity: 5000 }, /power of two.*5000.*8192/],
		[{ capacity: 2048 }, /4096.*2048/],
		[{ capacity: 2 ** 31 }, /1 GiB/],
		[{ capacity: Number.NaN }, /NaN/],
		[{ capacity: -4096 }, /-4096/],
		[{ maxReceivers: 0 }, /maxReceivers.*1 to 1024.*0/],
		[{ maxReceivers: 1025 }, /1025/],
		[{ maxReceivers: 1.5 }, /1\.5/],
		[{ permissions: 0o1000 }, /permissions/],
	])("%j are refused", (options, text) => {
		expectError("ERR_IPC_INVALID_ARGUMENT", text, () => Channel.sender(unique(), { prefix, ...options }));
	});
});

describe("timeouts", () => {
	test.each([-1, Number.NaN, -Infinity, "5", null, true])("%p is refused", (timeout) => {
		const name = unique();
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		for (const call of [
			() => untyped(sender.send.bind(sender), "x", { timeout }),
			() => untyped(sender.sendBatch.bind(sender), ["x"], { timeout }),
			() => untyped(sender.waitForReceivers.bind(sender), 1, { timeout }),
			() => untyped(receiver.recv.bind(receiver), { timeout }),
			() => untyped(receiver.recvInto.bind(receiver), new Uint8Array(1), { timeout }),
			() => untyped(receiver.drain.bind(receiver), () => {}, { timeout }),
		])
			expectError("ERR_IPC_INVALID_ARGUMENT", /timeout/, call);
		expect(receiver.tryRecv()).toBeNull();
	});
});

describe("messages", () => {
	test.each([5, null, undefined, {}, [1, 2]])("%p is not one", (message) => {
		const name = unique();
		using receiver = Route.receiver(name, { prefix });
		using sender = Route.sender(name, { prefix });
		expectError("ERR_IPC_INVALID_ARGUMENT", /message must be/, () => untyped(sender.send.bind(sender), message));
		expectError("ERR_IPC_INVALID_ARGUMENT", /message must be/, () => untyped(sender.trySend.bind(sender), message));
		expectError("ERR_IPC_INVALID_ARGUMENT", /message must be/, () => untyped(sender.sendBatch.bind(sender), [message]));
		expect(receiver.tryRecv()).toBeNull();
	});
});

describe("segments that are not what they should be", () => {
	/** Opens a channel, changes its file, and tries to open it again while the first endpoint lives. */
	function damaged(change: (path: string) => void): () => unknown {
		const name = unique();
		const original = Channel.receiver(name, { prefix });
		// A copy takes the place of the segment, so that the live endpoint's own mapping stays whole.
		copyFileSync(file(name), join(directory, name));
		change(join(directory, name));
		rmSync(file(name));
		copyFileSync(join(directory, name), file(name));
		return () => {
			using _ = original;
			using _sender = Channel.sender(name, { prefix });
		};
	}
	const write = (path: string, offset: number, value: number) => {
		const bytes = require("node:fs").readFileSync(path) as Buffer;
		bytes.writeUInt32LE(value, offset);
		writeFileSync(path, bytes);
	};

	test("another layout version", () => {
		expectError(
			"ERR_IPC_VERSION",
			/layout 99, here 3.*Channel\.clear/,
			damaged((path) => write(path, 4, 99)),
		);
	});
	test("something foreign", () => {
		expectError(
			"ERR_IPC_FOREIGN",
			/not a libipc segment.*Channel\.clear/,
			damaged((path) => writeFileSync(path, "x".repeat(100_000))),
		);
	});
	test("truncated", () => {
		expectError(
			"ERR_IPC_CORRUPT",
			/truncated: 100000 bytes/,
			damaged((path) => truncateSync(path, 100_000)),
		);
		expectError(
			"ERR_IPC_CORRUPT",
			/truncated: 100 bytes/,
			damaged((path) => truncateSync(path, 100)),
		);
	});
	test("a damaged header", () => {
		expectError(
			"ERR_IPC_CORRUPT",
			/damaged/,
			damaged((path) => write(path, 16, 12345)),
		);
		expectError(
			"ERR_IPC_CORRUPT",
			/damaged/,
			damaged((path) => write(path, 20, 0)),
		);
	});
	test("clear removes any of them", () => {
		const name = unique();
		writeFileSync(file(name), "x".repeat(5000));
		expectError("ERR_IPC_FOREIGN", /not a libipc segment/, () => Channel.sender(name, { prefix }));
		Channel.clear(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		expect(sender.receiverCount).toBe(0);
	});
});

describe("the system", () => {
	test("no permission", async () => {
		const name = unique();
		using receiver = Channel.receiver(name, { prefix });
		// Root may open anything, so the child becomes nobody; anybody else takes the permission from themselves.
		if (process.getuid?.() !== 0) chmodSync(file(name), 0);
		await using child = new Child("permission.child.ts", [prefix, name]);
		expect(await child.report<object>()).toEqual({
			code: "ERR_IPC_PERMISSION",
			message: expect.stringMatching(
				process.getuid?.() === 0
					? /user \(65534\) may not open.*user 0 .*permissions 0o600/
					: /may not open channel.*0o000/,
			),
		});
		expect(receiver.tryRecv()).toBeNull();
	});

	test("permissions given to others are there, whatever the umask", () => {
		const name = unique();
		const before = process.umask(0o077);
		using _receiver = Channel.receiver(name, { prefix, permissions: 0o664 });
		process.umask(before);
		expect(require("node:fs").statSync(file(name)).mode & 0o777).toBe(0o664);
		using _private = Channel.receiver(unique(), { prefix });
		expect(require("node:fs").statSync(file(`n${names.size - 1}`)).mode & 0o777).toBe(0o600);
	});

	function compile(source: string, output: string): string {
		const path = join(directory, output);
		const sourcePath = new URL(`testing/${source}`, import.meta.url).pathname;
		const { exitCode, stderr } = Bun.spawnSync([findCompiler(), "-shared", "-fPIC", sourcePath, "-o", path]);
		if (exitCode !== 0) throw new Error(stderr.toString());
		return path;
	}

	test("shared memory is full", async () => {
		const name = unique();
		const LD_PRELOAD = compile("no_space.c", "no_space.so");
		await using child = new Child("open.child.ts", [prefix, name], { LD_PRELOAD });
		expect(await child.report<object>()).toEqual({
			code: "ERR_IPC_NO_SPACE",
			message: expect.stringMatching(/needs \d+ bytes.*smaller capacity/),
		});
		expect(await Bun.file(file(name)).exists()).toBe(false);
	});

	test("the library is missing, is none, or is of another version", async () => {
		const garbage = join(directory, "garbage.so");
		writeFileSync(garbage, "not a library");
		const cases: [string, RegExp][] = [
			[join(directory, "nowhere.so"), /is missing.*LIBIPC_LIBRARY/],
			[garbage, /cannot be loaded/],
			[compile("other_version.c", "other.so"), /speaks ABI 99, this package ABI \d+ /],
		];
		for (const [LIBIPC_LIBRARY, message] of cases) {
			await using child = new Child("open.child.ts", [prefix, unique()], { LIBIPC_LIBRARY });
			expect(await child.report<object>()).toEqual({
				code: "ERR_IPC_LIBRARY",
				message: expect.stringMatching(message),
			});
		}
	});
});
