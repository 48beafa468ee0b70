import { afterAll, describe, expect, test } from "bun:test";
import {
	chmodSync,
	closeSync,
	copyFileSync,
	mkdtempSync,
	openSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LAYOUT_VERSION } from "@libipc/protocol";
import { errorChecks } from "@libipc/testing/ipc_errors";
import { Names } from "@libipc/testing/names";
import { TestProgram } from "@libipc/testing/test_program";
import { findCompiler } from "../../../scripts/lib/toolchain.ts";
import { libraryPath } from "./bun/library.ts";
import * as library from "./index.ts";
import { Channel, IpcError } from "./index.ts";

const names = new Names("files", library);
const { prefix } = names;
const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));
const file = (name: string) => names.path("channel", name);
const { expectError } = errorChecks(IpcError);

afterAll(() => {
	names.clear();
	rmSync(directory, { recursive: true, force: true });
});

/** Starts a program of `testing/` as a separate process. */
const startProgram = (file: string, args: readonly (string | number)[], env: Record<string, string> = {}) =>
	new TestProgram(new URL(`testing/${file}`, import.meta.url), args, { transport: "processes", env });

describe("segments that are not what they should be", () => {
	/** Opens a channel, changes its file, and tries to open it again while the first endpoint lives. */
	function damaged(change: (path: string) => void, use: (path: string) => void = () => {}): () => unknown {
		const name = names.next();
		const original = Channel.receiver(name, { prefix });
		// A copy takes the place of the segment, so that the live endpoint's own mapping stays whole.
		copyFileSync(file(name), join(directory, name));
		change(join(directory, name));
		rmSync(file(name));
		copyFileSync(join(directory, name), file(name));
		use(file(name));
		return () => {
			using _ = original;
			using _sender = Channel.sender(name, { prefix });
		};
	}
	const write = (path: string, offset: number, value: number) => {
		const bytes = readFileSync(path);
		bytes.writeUInt32LE(value, offset);
		writeFileSync(path, bytes);
	};

	test("another layout version that a process has open, until it closes it", () => {
		let user = -1;
		const open = damaged(
			(path) => write(path, 4, 99),
			(path) => {
				user = openSync(path, "r+");
			},
		);
		expectError("ERR_IPC_VERSION", new RegExp(`layout 99, here ${LAYOUT_VERSION}.*running.*Channel\\.clear`), open);
		closeSync(user);
		open();
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
		const name = names.next();
		writeFileSync(file(name), "x".repeat(5000));
		expectError("ERR_IPC_FOREIGN", /not a libipc segment/, () => Channel.sender(name, { prefix }));
		Channel.clear(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		expect(sender.receiverCount).toBe(0);
	});
});

describe("the system", () => {
	test("no permission", async () => {
		const name = names.next();
		using receiver = Channel.receiver(name, { prefix });
		// Root may open anything, so the child becomes the user nobody; any other user removes its own permission.
		if (process.getuid?.() !== 0) chmodSync(file(name), 0);
		await using child = startProgram("permission.child.ts", [prefix, name]);
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
		const name = names.next();
		const before = process.umask(0o077);
		using _receiver = Channel.receiver(name, { prefix, permissions: 0o666 });
		process.umask(before);
		expect(statSync(file(name)).mode & 0o777).toBe(0o666);
		const other = names.next();
		using _private = Channel.receiver(other, { prefix });
		expect(statSync(file(other)).mode & 0o777).toBe(0o600);
	});

	function compile(source: string, output: string, flags: readonly string[] = []): string {
		const path = join(directory, output);
		const sourcePath = new URL(`testing/${source}`, import.meta.url).pathname;
		const command = [findCompiler(), "-shared", "-fPIC", sourcePath, "-o", path, ...flags];
		const { exitCode, stderr } = Bun.spawnSync(command);
		if (exitCode !== 0) throw new Error(stderr.toString());
		return path;
	}

	test("shared memory is full", async () => {
		const name = names.next();
		const LD_PRELOAD = compile("no_space.c", "no_space.so");
		await using child = startProgram("open.child.ts", [prefix, name], { LD_PRELOAD });
		expect(await child.report<object>()).toEqual({
			code: "ERR_IPC_NO_SPACE",
			message: expect.stringMatching(/\d+ bytes are needed.*ENOSPC.*smaller capacity/),
		});
		expect(await Bun.file(file(name)).exists()).toBe(false);
	});

	/** A library that needs musl, which this process does not have. */
	function compileForMusl(): string {
		const musl = compile("other_version.c", "libc.musl-x.so.1", ["-nostdlib", "-Wl,-soname,libc.musl-x.so.1"]);
		const path = compile("other_version.c", "for_musl.so", ["-nostdlib", "-Wl,--no-as-needed", musl]);
		rmSync(musl);
		return path;
	}

	test("the library is missing, is none, or is of another version", async () => {
		const garbage = join(directory, "garbage.so");
		writeFileSync(garbage, "not a library");
		// The first bytes of a library: for another processor, for macOS, and cut off.
		const start = readFileSync(libraryPath()).subarray(0, 4096);
		const part = (name: string, change: (bytes: Buffer) => void): string => {
			const bytes = Buffer.from(start);
			change(bytes);
			const path = join(directory, name);
			writeFileSync(path, bytes);
			return path;
		};
		const other = process.arch === "arm64" ? ["x64", 62] : ["arm64", 183];
		const isGlibc = readFileSync("/proc/self/maps", "utf8").includes("/libc.so.6");
		const cases: (readonly [string, RegExp])[] = [
			[join(directory, "nowhere.so"), /is missing.*LIBIPC_LIBRARY/],
			[garbage, /cannot be loaded.*not a library of Linux or macOS/],
			[
				part("other_processor.so", (bytes) => {
					bytes.writeUInt16LE(Number(other[1]), 18);
					bytes.writeBigUInt64LE(0n, 40);
				}),
				new RegExp(`It is for linux ${other[0]}, and this process is linux ${process.arch}: use a library`),
			],
			[
				part("macos.so", (bytes) => {
					bytes.writeUInt32BE(0xcffaedfe, 0);
					bytes.writeUInt32LE(0x0100000c, 4);
				}),
				/It is for darwin arm64, and this process is linux/,
			],
			[part("cut_off.so", () => {}), /cut_off\.so is incomplete/],
			...(isGlibc ? [[compileForMusl(), /built for musl \(Alpine\), and this process uses glibc/] as const] : []),
			["nowhere.so", new RegExp(`${process.cwd()}/nowhere\\.so \\(LIBIPC_LIBRARY points there\\)`)],
			[directory, /It cannot be read: .*EISDIR/],
			[compile("other_version.c", "other.so"), /speaks ABI 99, this package ABI \d+ /],
		];
		for (const [LIBIPC_LIBRARY, message] of cases) {
			await using child = startProgram("open.child.ts", [prefix, names.next()], { LIBIPC_LIBRARY });
			expect(await child.report<object>()).toEqual({
				code: "ERR_IPC_LIBRARY",
				message: expect.stringMatching(message),
			});
		}
	});
});
