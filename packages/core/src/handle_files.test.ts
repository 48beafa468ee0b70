/** The files of the native engine's handles: their modes, and what too little space leaves. The rest is in packages/conformance. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Names } from "@libipc/testing/names";
import { TestProgram, type TestProgramOptions } from "@libipc/testing/test_program";
import { findCompiler } from "../../../scripts/lib/toolchain.ts";
import * as library from "./index.ts";
import {
	Condition,
	type Handle,
	type HandleKind,
	type HandleOptions,
	Mutex,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "./index.ts";

const names = new Names("handlefiles", library);
const { prefix } = names;
const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));

afterEach(() => names.expectNothingLeft());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Open = (name: string, options: HandleOptions) => Handle;

const kinds: readonly (readonly [HandleKind, Open, string])[] = [
	["mutex", Mutex.open, "mutex"],
	["condition", Condition.open, "condition"],
	["semaphore", Semaphore.open, "semaphore"],
	["rwlock", RwLock.open, "reader-writer lock"],
	["memory", (name, options) => SharedMemory.open(name, { size: 64, ...options }), "shared memory"],
	["signal", Signal.open, "Signal"],
];

const program = (file: string, args: readonly (string | number)[], options: TestProgramOptions = {}) =>
	new TestProgram(new URL(`testing/${file}`, import.meta.url), args, { transport: "processes", ...options });

describe.each(kinds)("the file of a %s", (kind, openHandle, what) => {
	const open = (name: string, options: HandleOptions = {}) => openHandle(name, { prefix, ...options });
	const modeOf = (name: string) => statSync(names.path(kind, name)).mode & 0o777;

	test("exists until the last handle is closed", () => {
		const name = names.next();
		const path = names.path(kind, name);
		const first = open(name);
		const second = open(name);
		first.close();
		expect(existsSync(path)).toBe(true);
		second.close();
		expect(existsSync(path)).toBe(false);
	});

	test("has the permissions that the options say, whatever the umask is; other users may not open it", async () => {
		const before = process.umask(0o077);
		const name = names.next();
		using _shared = open(name, { permissions: 0o666 });
		process.umask(before);
		expect(modeOf(name)).toBe(0o666);
		const secret = names.next();
		using _private = open(secret);
		expect(modeOf(secret)).toBe(0o600);
		// Only root can become another user; any other user loses the permission on the file instead.
		if (process.getuid?.() !== 0) chmodSync(names.path(kind, secret), 0);
		await using stranger = program("handle.child.ts", ["other user", prefix, secret, kind]);
		expect(await stranger.report<object>()).toEqual({
			code: "ERR_IPC_PERMISSION",
			message: expect.stringMatching(new RegExp(`may not open or remove ${what}.*permissions`)),
		});
	}, 300_000);

	test("that only a killed process had open is created again, with other permissions", async () => {
		const name = names.next();
		await using owner = program("handle.child.ts", ["keeps", prefix, name, kind]);
		expect(await owner.report<object>()).toMatchObject({ code: "opened" });
		await owner.kill();
		expect(existsSync(names.path(kind, name))).toBe(true);
		using _again = open(name, { maxHandles: 3, permissions: 0o660 });
		expect(modeOf(name)).toBe(0o660);
	}, 300_000);
});

test("with too little space for the file, growing shared memory changes nothing", async () => {
	const name = names.next();
	const noSpace = join(directory, "no_space.so");
	const source = fileURLToPath(new URL("testing/no_space.c", import.meta.url));
	expect(Bun.spawnSync([findCompiler(), "-shared", "-fPIC", source, "-o", noSpace]).exitCode).toBe(0);
	using memory = SharedMemory.open(name, { prefix, size: 100 });
	const size = statSync(names.path("memory", name)).size;
	await using growing = program("grow.child.ts", [prefix, name, 2 ** 32], { env: { LD_PRELOAD: noSpace } });
	expect(await growing.report<object>()).toEqual({ code: "ERR_IPC_NO_SPACE", byteLength: 100, mapped: 100 });
	expect(memory.byteLength).toBe(100);
	expect(statSync(names.path("memory", name)).size).toBe(size);
	expect(memory.grow(200)).toBe(200);
}, 300_000);
