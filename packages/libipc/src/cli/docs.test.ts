import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DIRECTORY } from "@libipc/testing/segment_files";
import { TestProgram } from "@libipc/testing/test_program";
import { commands } from "./commands.ts";
import { usageOf } from "./help.ts";
import { runtimes } from "./testing/run_libipc.ts";

/** `docs/cli.md`: its transcripts are what the commands print, and it has every command. */

setDefaultTimeout(300_000);

const page = readFileSync(new URL("../../../../docs/cli.md", import.meta.url), "utf8");
const folder = mkdtempSync(`${DIRECTORY}/libipc-docs-`);
const [, bun = []] = runtimes[0] ?? [];
/** The processes of the transcripts, and their numbers on the page. */
const shown = { feed: "4101", screen: "4102", audit: "4103" } as const;
const programs: Partial<Record<keyof typeof shown, TestProgram>> = {};

async function start(role: keyof typeof shown): Promise<void> {
	const program = new TestProgram(new URL("testing/shop.child.ts", import.meta.url), [role], {
		transport: "processes",
		env: { LIBIPC_DIR: folder },
	});
	programs[role] = program;
	await program.report();
}

beforeAll(async () => {
	// A program `libipc` in the PATH.
	writeFileSync(join(folder, "libipc"), `#!/bin/sh\nexec ${bun.join(" ")} "$@"\n`);
	chmodSync(join(folder, "libipc"), 0o755);
	await start("screen");
	await start("feed");
	await start("audit");
	await programs.audit?.kill();
});

afterAll(async () => {
	for (const program of Object.values(programs)) await program.kill();
	rmSync(folder, { recursive: true, force: true });
});

/** What differs from run to run: process numbers, ages, the folder, and the widths of columns. */
function comparable(text: string): string {
	let plain = text.replaceAll(folder, DIRECTORY);
	for (const [role, number] of Object.entries(shown))
		plain = plain.replaceAll(String(programs[role as keyof typeof shown]?.pid), number);
	return plain
		.replaceAll(/\b\d+ (?:ms|s|min)\b/g, "AGE")
		.replaceAll(/\bbun [\w.]+\.ts\b/g, "PROGRAM")
		.replaceAll(/\bbun (?:feed|screen|audit)\.ts\b/g, "PROGRAM")
		.replaceAll(/ +/g, " ")
		.replaceAll(/ $/gm, "")
		.trim();
}

/** The transcripts, in the order of the page: a line that begins with `$` is a command, and what follows is its output. */
const transcripts = [...page.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
	block.split(/^(?=\$ )/m).map((part) => {
		const [line = "", ...output] = part.split("\n");
		return { command: line.replace(/^\$ /, ""), output: output.join("\n") };
	}),
);

describe("docs/cli.md", () => {
	test("has transcripts", () => expect(transcripts.length).toBeGreaterThan(10));

	// One after another: later ones see what earlier ones have changed.
	test.each(transcripts)("$ $command", ({ command, output }) => {
		const { stdout } = Bun.spawnSync(["sh", "-c", `exec 2>&1; ${command}`], {
			cwd: folder,
			env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, LIBIPC_DIR: folder, LIBIPC_PREFIX: undefined },
		});
		expect(comparable(stdout.toString())).toBe(comparable(output));
	});

	test.each(commands.filter(({ isInternal }) => !isInternal).map((each) => [each.name, each] as const))(
		"has the command %s",
		(_, command) => expect(page).toContain(`\`${usageOf(command)}\``),
	);
});
