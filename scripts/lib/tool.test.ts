import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const cache = mkdtempSync(join(tmpdir(), "libipc-tools-"));

afterAll(() => rmSync(cache, { recursive: true, force: true }));

test("two processes that install a tool at the same time get the same complete folder", async () => {
	const module = JSON.stringify(new URL("tool.ts", import.meta.url).href);
	const program = `console.log((await import(${module})).toolFolder("clang-format"))`;
	const runs = [1, 2].map(() =>
		Bun.spawn([process.execPath, "-e", program], {
			env: { ...process.env, LIBIPC_TOOLS: cache },
			stdout: "pipe",
			stderr: "ignore",
		}),
	);
	const folders = await Promise.all(runs.map(async ({ stdout }) => (await new Response(stdout).text()).trim()));
	expect(await Promise.all(runs.map(({ exited }) => exited))).toEqual([0, 0]);
	expect(new Set(folders).size).toBe(1);
	expect(existsSync(join(folders[0] ?? "", "node_modules/clang-format-node/package.json"))).toBe(true);
	expect(readdirSync(cache).map((folder) => join(cache, folder))).toEqual([folders[0] ?? ""]);
}, 300_000);
