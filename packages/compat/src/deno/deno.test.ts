import { afterAll, describe, expect } from "bun:test";
import { fileURLToPath } from "node:url";
import { clear, list } from "@libipc/core";
import { libraryPath } from "@libipc/core/bun";
import { testUnless } from "@libipc/testing/test_unless";
import { denoBinary, MISSING_DENO } from "../../../../scripts/deno_binary.ts";

/** The native engine in Deno by itself: its memory, and which engine is chosen with which permissions. */
const prefix = `deno${process.pid}`;
const program = fileURLToPath(new URL("../testing/node.child.ts", import.meta.url));
const deno = denoBinary();
const inDeno = testUnless(deno === undefined, MISSING_DENO);

interface How {
	/** Without them, all. */
	readonly permissions?: readonly string[];
	readonly env?: Record<string, string>;
}

/** What a program of `node.child.ts` prints, and what Deno says to people. */
async function output(
	name: string,
	{ permissions = ["--allow-all"], env = {} }: How = {},
): Promise<{ readonly result: unknown; readonly errors: string }> {
	const inherited = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
	delete (inherited as Record<string, string>).LIBIPC_ENGINE;
	const child = Bun.spawn(
		[deno ?? "", "run", "--no-check", "--no-prompt", "--v8-flags=--expose-gc", ...permissions, program, name, prefix],
		{ stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { ...inherited, ...env } },
	);
	const [said, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
	expect([await child.exited, errors]).toEqual([0, expect.any(String)]);
	return { result: JSON.parse(said), errors };
}

const run = async (name: string, how?: How): Promise<unknown> => (await output(name, how)).result;

const warningsIn = (errors: string): number => errors.match(/\[IPC_BETWEEN_THREADS\] IpcWarning: /g)?.length ?? 0;

afterAll(() => {
	clear({ prefix });
	expect(list({ prefix })).toEqual([]);
});

describe("mapped memory in Deno", () => {
	inDeno(
		"a view that is kept after the close shows zeros, and cannot be transferred",
		async () => {
			expect(await run("views outlive their endpoint")).toEqual({
				moved: ["TypeError", "TypeError"],
				isMapped: false,
				before: "here",
				after: "0,0,0,0",
				written: "7,7,7,7",
			});
		},
		300_000,
	);

	inDeno(
		"shared memory that was closed is unmapped when no view of it exists any more",
		async () => {
			expect(await run("mappings of what was closed are released")).toEqual({ wereMapped: true, released: true });
		},
		300_000,
	);

	inDeno(
		"an endpoint that was not closed leaves when it is collected",
		async () => {
			expect(await run("what was forgotten leaves")).toEqual({ before: 5, left: true });
		},
		300_000,
	);

	inDeno(
		"Workers end with endpoints open, also where the main thread has none",
		async () => {
			expect(await run("Workers that end take their endpoints with them")).toBe(true);
		},
		300_000,
	);
});

describe("the choice of the engine in Deno", () => {
	inDeno(
		"is native with --allow-ffi, whatever else is forbidden, and with the permission for the library alone",
		async () => {
			for (const permissions of [["--allow-ffi"], [`--allow-ffi=${libraryPath()}`, "--allow-read"]]) {
				const { result, errors } = await output("opens and exits", { permissions });
				expect([result, warningsIn(errors)]).toEqual([true, 0]);
				const asked = { permissions: [...permissions, "--allow-env"], env: { LIBIPC_ENGINE: "native" } };
				expect(await run("opens", asked)).toEqual({ code: "opened", isFile: false });
			}
		},
		300_000,
	);

	inDeno(
		"is one warning with the way out, without --allow-ffi, printed before the next call may block",
		async () => {
			for (const permissions of [[], ["--allow-env", "--allow-read"]]) {
				const { result, errors } = await output("opens and exits", { permissions });
				expect([result, warningsIn(errors)]).toEqual([true, 1]);
				expect(errors).toMatch(
					/threads of this process.* start it with --allow-ffi, or with --allow-ffi=\/.*LIBIPC_ENGINE=sab/,
				);
			}
			const asked = { permissions: ["--allow-env"], env: { LIBIPC_ENGINE: "sab" } };
			expect(warningsIn((await output("opens and exits", asked)).errors)).toBe(0);
		},
		300_000,
	);

	inDeno(
		"is the same for all threads of the process, with one warning",
		async () => {
			const permissions = ["--allow-env", "--allow-read"];
			const { result, errors } = await output("what engine() says, here and in Workers that open names", {
				permissions,
			});
			const expected = { name: "sab", directory: "", reason: expect.stringMatching(/--allow-ffi/) };
			expect(result).toEqual(Array(4).fill(expected));
			expect(warningsIn(errors)).toBe(1);
		},
		300_000,
	);

	inDeno(
		"is an error if native was asked for, or a library was named, and it cannot be had",
		async () => {
			const failed = (text: RegExp) => ({ code: "ERR_IPC_ENGINE", text: expect.stringMatching(text) });
			const permissions = ["--allow-env", "--allow-read"];
			expect(await run("opens", { permissions, env: { LIBIPC_ENGINE: "native" } })).toEqual(failed(/--allow-ffi/));
			const named = { LIBIPC_LIBRARY: "/nowhere/libipc.so" };
			expect(await run("opens", { env: named })).toEqual(failed(/^LIBIPC_LIBRARY names .* LIBIPC_ENGINE=sab/));
			expect(await run("opens", { env: { ...named, LIBIPC_ENGINE: "sab" } })).toEqual({
				code: "opened",
				isFile: false,
			});
			expect(await run("opens", { env: { LIBIPC_LIBRARY: "/dev/null" } })).toEqual(failed(/\/dev\/null/));
		},
		300_000,
	);
});
