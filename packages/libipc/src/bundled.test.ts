import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testUnless } from "@libipc/testing/test_unless";
import { nodeBinary } from "../../../scripts/node_binary.ts";

/**
 * What becomes of the native library in a bundle. The other bundlers, and the published package, are in `bun run test:install`; what
 * people have to set is in docs/bundling.md.
 */
const program = fileURLToPath(new URL("testing/bundled.ts", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "libipc-bundled-"));
const empty = join(directory, "empty");
/** For the copies that Bun makes. */
const temporary = join(directory, "temporary");
const prefix = `bundled${process.pid}`;

mkdirSync(empty);
mkdirSync(temporary);
chmodSync(directory, 0o755);
chmodSync(temporary, 0o1777);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function build(folder: string, options: Partial<Bun.BuildConfig>): Promise<void> {
	await Bun.build({ entrypoints: [program], outdir: join(directory, folder), target: "bun", ...options });
}

/** What the program prints in an empty folder, without what would lead to a library outside of the bundle. */
function run(command: readonly string[], env: Record<string, string> = {}, uid?: number): object {
	const inherited = { ...process.env };
	delete inherited.LIBIPC_LIBRARY;
	delete inherited.LIBIPC_ENGINE;
	const { exitCode, stdout, stderr } = Bun.spawnSync([...command, prefix], {
		cwd: empty,
		env: { ...inherited, TMPDIR: temporary, BUN_TMPDIR: temporary, ...env },
		...(uid === undefined ? {} : { uid, gid: uid }),
	});
	if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${exitCode}\n${stdout}${stderr}`);
	return JSON.parse(stdout.toString()) as object;
}

const native = { engine: "native", received: "42.17", uid: process.getuid?.() };

describe("bun build", () => {
	test("puts the library beside the bundle, which may then be moved", async () => {
		await build("beside", {});
		const moved = join(directory, "moved");
		renameSync(join(directory, "beside"), moved);
		expect(readdirSync(moved).filter((file) => /^libipc-.*\.(so|dylib)$/.test(file))).not.toEqual([]);
		expect(run([process.execPath, join(moved, "bundled.js")])).toEqual(native);
	});

	test("with other names and folders for its output", async () => {
		await build("named", {
			naming: { entry: "a/b/[name].[ext]", asset: "assets/[hash].[ext]", chunk: "chunks/[hash].[ext]" },
			splitting: true,
			minify: true,
		});
		expect(run([process.execPath, join(directory, "named/a/b/bundled.js")])).toEqual(native);
	});

	test("without its library, says what to set, and takes it from LIBIPC_LIBRARY", async () => {
		await build("alone", { publicPath: "/static/" });
		const bundle = [process.execPath, join(directory, "alone/bundled.js")];
		expect(run(bundle)).toEqual({
			code: "ERR_IPC_LIBRARY",
			message: expect.stringMatching(/is a bundle, and the native library is not in it.*--external libipc/),
		});
		const suffix = process.platform === "darwin" ? "dylib" : "so";
		const LIBIPC_LIBRARY = fileURLToPath(new URL(`../../../native/build/libipc.${suffix}`, import.meta.url));
		expect(run(bundle, { LIBIPC_LIBRARY })).toEqual(native);
	});
});

describe("bun build --compile", () => {
	const executable = join(directory, "executable");

	test("makes one file, which runs in an empty folder", async () => {
		await build("compiled", { compile: { outfile: executable } });
		expect(run([executable])).toEqual(native);
	}, 300_000);

	testUnless(process.getuid?.() !== 0, "Only root can start a process of another user.")(
		"and as another user",
		() => {
			expect(run([executable], {}, 65_534)).toEqual({ ...native, uid: 65_534 });
		},
		300_000,
	);

	test("says which folder Bun needs if it cannot copy the library", () => {
		expect(run([executable], { TMPDIR: join(directory, "nowhere"), BUN_TMPDIR: join(directory, "nowhere") })).toEqual({
			code: "ERR_IPC_LIBRARY",
			message: expect.stringMatching(/folder for temporary files.*set TMPDIR/),
		});
	}, 300_000);

	test("with bytecode", async () => {
		await build("bytecode", { compile: { outfile: executable }, bytecode: true, format: "cjs" });
		expect(run([executable])).toEqual(native);
	}, 300_000);
});

describe("a bundle for Node that has no place for the library", () => {
	const node = nodeBinary(26);
	const testInNode = testUnless(node === undefined, "There is no Node 26 here.");

	testInNode("says what to set, and takes no library from where the package would have it", async () => {
		await build("out/of/node", { target: "node", naming: "[name].mjs" });
		expect(run([node ?? "", join(directory, "out/of/node/bundled.mjs")], { LIBIPC_ENGINE: "native" })).toEqual({
			code: "ERR_IPC_ENGINE",
			message: expect.stringMatching(/is a bundle, and the native library is not in it.*--external libipc/),
		});
	});
});
