import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NodeProgram } from "./node_program.ts";

/** Bun runs these programs as Node does. */
async function run(source: string, signal?: AbortSignal): Promise<string> {
	const directory = mkdtempSync(join(tmpdir(), "libipc-node-program-"));
	try {
		const file = join(directory, "program.ts");
		writeFileSync(file, source);
		await using program = new NodeProgram({
			name: "the program",
			node: process.execPath,
			program: pathToFileURL(file),
			args: ["1"],
			signal,
		});
		return await program.output();
	} finally {
		rmSync(directory, { recursive: true });
	}
}

test("answers what the program prints", async () => {
	expect(await run("console.log(process.argv[2])")).toBe("1\n");
});

test("a program that fails is named, with its status", async () => {
	await expect(run("process.exit(3)")).rejects.toThrow(/^the program \(process \d+\) ended with status 3$/);
});

test("an abort ends the program, and rejects with its reason", async () => {
	const controller = new AbortController();
	const reason = new Error("enough");
	const output = run("setInterval(() => {}, 1000)", controller.signal);
	setTimeout(() => controller.abort(reason), 50);
	await expect(output).rejects.toBe(reason);
});
