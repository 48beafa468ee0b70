import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = mkdtempSync(join(tmpdir(), "libipc-test-"));

afterAll(() => rmSync(directory, { recursive: true }));

test.each([
	["at the top of a module", "Channel.sender('uncaught', { capacity: 5 });", 3],
	["in a function", "const open = () => [Channel.sender('uncaught', { capacity: 5 })];\nopen();", 3],
])("Bun shows the line of the caller for an uncaught error: %s", async (_, code, line) => {
	const program = join(directory, `line_${code.length}.mjs`);
	const library = JSON.stringify(join(import.meta.dir, "index.ts"));
	writeFileSync(program, `import { Channel } from ${library};\n// the library is called in the next line\n${code}\n`);
	const child = Bun.spawn([process.execPath, program], { stderr: "pipe" });
	const shown = await new Response(child.stderr).text();
	expect(await child.exited).toBe(1);
	expect(shown).toContain("capacity must be a power of two");
	expect(shown).toContain(`${program}:${line}:`);
	expect(shown).toContain(`${line} | ${code.split("\n")[0]}`);
	expect(shown).not.toContain("argument.ts");
});
