import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./repository.ts";
import { must } from "./run.ts";

/** The workflows cannot run on a developer's machine. What they call must be there. */
const folder = join(root, ".github/workflows");
const text = readdirSync(folder)
	.map((file) => readFileSync(join(folder, file), "utf8"))
	.join("\n");
const found = (pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))];

test("the workflows call commands and scripts that exist", () => {
	const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
	const commands = found(/\bbun run ([\w:-]+)/g);
	const files = found(/\b(scripts\/\w+\.ts)\b/g);
	expect(commands).toContain("pack");
	expect(files).toContain("scripts/conformance.ts");
	expect(commands.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
	expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

test("the workflows name instances of the suite that exist", async () => {
	const help = await must([process.execPath, "scripts/conformance.ts", "--help"], { cwd: root });
	const instances = help.match(/\b(?:bun|node|deno)-[\w-]+/g) ?? [];
	const named = found(/((?:bun|node-(?:\$version|\d+))-(?:native|sab)-\w+)/g);
	expect(named.length).toBeGreaterThan(5);
	for (const name of named)
		for (const version of [22, 24, 26]) expect(instances).toContain(name.replace("$version", String(version)));
}, 300_000);
