import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { clear, list } from "@libipc/core";
import { type NodeVersion, nodeBinary, nodeVersions } from "../../../../scripts/node_binary.ts";

/** The native engine in Node by itself: its memory, what becomes of files, and which engine is chosen. */
const prefix = `node${process.pid}`;
const packages = fileURLToPath(new URL("../../../..", import.meta.url)).replace(/\/$/, "/packages");
/** The sources without the library. */
const sources = ["protocol", "core", "compat", "testing"].map((name) => `--allow-fs-read=${packages}/${name}`);
const program = fileURLToPath(new URL("../testing/node.child.ts", import.meta.url));

interface How {
	readonly version?: NodeVersion;
	readonly flags?: readonly string[];
	readonly env?: Record<string, string>;
}

/** What a program of `node.child.ts` prints, and what Node says to people. */
async function output(
	name: string,
	{ version = 26, flags = [], env = {} }: How,
): Promise<{ readonly result: unknown; readonly errors: string }> {
	const node = nodeBinary(version) ?? "";
	const inherited = { ...process.env };
	delete inherited.LIBIPC_ENGINE;
	const child = Bun.spawn(
		[node, "--disable-warning=ExperimentalWarning", "--expose-gc", ...flags, program, name, prefix],
		{ stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { ...inherited, ...env } },
	);
	const [said, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
	expect([await child.exited, errors]).toEqual([0, expect.any(String)]);
	return { result: JSON.parse(said), errors };
}

const run = async (name: string, how: How = {}): Promise<unknown> => (await output(name, how)).result;

beforeAll(() => {
	for (const version of nodeVersions)
		if (!existsSync(nodeBinary(version) ?? ""))
			throw new Error(`There is no Node ${version} from npm for this machine: set LIBIPC_NODE_${version} to its path.`);
});
afterAll(() => {
	clear({ prefix });
	expect(list({ prefix })).toEqual([]);
});

describe.each(nodeVersions)("mapped memory in Node %d", (version) => {
	const how = { version };

	test("a view that is kept after the close shows zeros, and cannot be transferred", async () => {
		expect(await run("views outlive their endpoint", how)).toEqual({
			moved: ["DataCloneError", "TypeError"],
			isMapped: false,
			before: "here",
			after: "0,0,0,0",
			written: "7,7,7,7",
		});
	}, 300_000);

	test("shared memory that was closed is unmapped when no view of it exists any more", async () => {
		expect(await run("mappings of what was closed are released", how)).toEqual({ wereMapped: true, released: true });
	}, 300_000);

	test("an endpoint that was not closed leaves when it is collected", async () => {
		expect(await run("what was forgotten leaves", how)).toEqual({ before: 5, left: true });
	}, 300_000);

	test("Workers end with endpoints open, also where the main thread has none", async () => {
		expect(await run("Workers that end take their endpoints with them", how)).toBe(true);
	}, 300_000);

	test("Workers are terminated while they load the addon, and leave nothing behind", async () => {
		expect(await run("Workers are terminated while they load the addon", how)).toEqual([true, 0]);
	}, 300_000);

	test("a truncated file is reported as damage, and ends no process", async () => {
		expect(await run("a truncated file", how)).toEqual(Array(4).fill("ERR_IPC_CORRUPT"));
	}, 300_000);

	test("a deleted file is noticed", async () => {
		expect(await run("a deleted file", how)).toEqual(Array(3).fill("ERR_IPC_ORPHANED"));
	}, 300_000);
});

describe("the choice of the engine", () => {
	test("is native, if the native engine is available", async () => {
		for (const version of nodeVersions) expect(await run("every kind is in a file", { version })).toBe(3);
		expect(await run("every kind is in a file", { env: { LIBIPC_ENGINE: "native" } })).toBe(3);
	}, 300_000);

	test.each<How>([
		{ env: { LIBIPC_ENGINE: "sab" } },
		{ flags: ["--no-addons"] },
		{ flags: ["--permission", "--allow-fs-read=*", "--allow-worker"] },
	])(
		"sab, if it is not, or was asked for: %j",
		async (how) => {
			expect(await run("every kind is in a file", how)).toBe(0);
		},
		300_000,
	);

	test("of a Worker is that of the main thread, whatever its own environment says", async () => {
		expect(await run("a Worker chooses as the main thread has")).toEqual([true]);
		expect(await run("a Worker chooses as the main thread has", { env: { LIBIPC_ENGINE: "sab" } })).toEqual([false]);
	}, 300_000);

	test.each<[How, string, RegExp | undefined]>([
		[{}, "native", undefined],
		[{ env: { LIBIPC_ENGINE: "sab" } }, "sab", undefined],
		[{ flags: ["--permission", "--allow-fs-read=*", "--allow-worker"] }, "sab", /--allow-addons/],
		[{ flags: ["--no-addons"], version: 22 }, "sab", /without that flag/],
	])(
		"is one warning in the process if it is sab and nobody asked for that: %j",
		async (how, name, reason) => {
			const { result, errors } = await output("what engine() says, here and in Workers that open names", how);
			const directory = name === "native" ? "/dev/shm" : "";
			const expected = { name, directory, reason: reason ? expect.stringMatching(reason) : expect.any(String) };
			expect(result).toEqual(Array(4).fill(expected));
			expect(errors.match(/\[IPC_BETWEEN_THREADS\] IpcWarning: .*threads of this process/g) ?? []).toHaveLength(
				reason ? 1 : 0,
			);
			if (reason) expect(errors).toMatch(reason);
		},
		300_000,
	);

	test("is one warning if Node's permission model hides the library, printed before the next call may block", async () => {
		const flags = ["--permission", ...sources, "--allow-addons"];
		const { result, errors } = await output("opens and exits", { flags });
		expect(result).toBe(true);
		expect(errors.match(/IpcWarning: .*--allow-fs-read=.*libipc\.so/g)).toHaveLength(1);
	}, 300_000);

	test.each<How>([
		{ env: { LIBIPC_LIBRARY: "/nowhere/libipc.so" } },
		{ env: { LIBIPC_LIBRARY: "/dev/null" }, version: 22 },
	])(
		"is an error if a library was named that cannot be used: %j",
		async (how) => {
			expect(await run("opens", how)).toEqual({
				code: "ERR_IPC_ENGINE",
				text: expect.stringMatching(/^LIBIPC_LIBRARY names a native library .* cannot be used.* LIBIPC_ENGINE=sab/),
			});
			const asked = { ...how, env: { ...how.env, LIBIPC_ENGINE: "sab" } };
			expect(await run("opens", asked)).toEqual({ code: "opened", isFile: false });
		},
		300_000,
	);

	test.each<[How, RegExp]>([
		[{ flags: ["--no-addons"] }, /without that flag/],
		[{ env: { LIBIPC_LIBRARY: "/nowhere/libipc.so" } }, /\/nowhere\/libipc\.so \(LIBIPC_LIBRARY points there\)/],
		[{ flags: ["--permission", "--allow-fs-read=*", "--allow-worker"] }, /--allow-addons/],
	])(
		"native was asked for and cannot be had: %j",
		async ({ env, ...how }, text) => {
			expect(await run("opens", { ...how, env: { ...env, LIBIPC_ENGINE: "native" } })).toEqual({
				code: "ERR_IPC_ENGINE",
				text: expect.stringMatching(text),
			});
		},
		300_000,
	);

	test("of an engine that does not exist is an error", async () => {
		expect(await run("opens", { env: { LIBIPC_ENGINE: "fast" } })).toEqual({
			code: "ERR_IPC_ENGINE",
			text: 'LIBIPC_ENGINE is "fast": it can be "sab", "native", or left out.',
		});
	}, 300_000);
});
