import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { link, object, Toolchain } from "./toolchain.ts";

const directory = mkdtempSync(join(tmpdir(), "libipc-toolchain-"));
const file = (name: string): string => join(directory, name);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A new toolchain each time, as in a new process: it has read no file yet. */
const make = async (flags: readonly string[] = []): Promise<[object: boolean, program: boolean]> => {
	const toolchain = new Toolchain();
	const main = object(file("main.c"), file("main.o"), flags);
	return [await toolchain.make(main), await toolchain.make(link([main], file("main"), []))];
};

test("compiles again when a source, a header or a flag has changed, and only then", async () => {
	writeFileSync(file("value.h"), "#define VALUE 3\n");
	writeFileSync(file("main.c"), '#include "value.h"\nint main(void) { return VALUE; }\n');
	expect(await make()).toEqual([true, true]);
	expect(await make()).toEqual([false, false]);
	expect(Bun.spawnSync([file("main")]).exitCode).toBe(3);

	writeFileSync(file("value.h"), "#define VALUE 4\n");
	expect(await make()).toEqual([true, true]);
	expect(Bun.spawnSync([file("main")]).exitCode).toBe(4);

	writeFileSync(file("main.c"), `${readFileSync(file("main.c"), "utf8")}/* a comment */\n`);
	expect((await make())[0]).toBe(true);
	expect((await make(["-DOTHER"]))[0]).toBe(true);
	expect((await make(["-DOTHER"]))[0]).toBe(false);
});

test("reports what the compiler says, and leaves no output", async () => {
	writeFileSync(file("broken.c"), "int main(void) { return missing; }\n");
	const step = object(file("broken.c"), file("broken.o"), []);
	expect(new Toolchain().make(step)).rejects.toThrow("missing");
});
