import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Names } from "@libipc/testing/names";
import * as library from "libipc";
import { Channel } from "libipc";
import { commands } from "../commands.ts";
import { flagName } from "../flags.ts";
import { runLibipc, runtimes } from "../testing/run_libipc.ts";

setDefaultTimeout(300_000);

const names = new Names("cmdcomp", library);
const { prefix } = names;
const folder = mkdtempSync(join(tmpdir(), "libipc-completion-"));
const [, bun = []] = runtimes[0] ?? [];

// A program `libipc` in the PATH.
writeFileSync(join(folder, "libipc"), `#!/bin/sh\nexec ${bun.join(" ")} "$@"\n`);
chmodSync(join(folder, "libipc"), 0o755);
afterAll(() => rmSync(folder, { recursive: true }));

function inShell(shell: string, args: readonly string[]): { status: number; out: string; err: string } {
	const { exitCode, stdout, stderr } = Bun.spawnSync([shell, ...args], {
		env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, LIBIPC_PREFIX: prefix },
		cwd: folder,
	});
	return { status: exitCode, out: stdout.toString(), err: stderr.toString() };
}

/** What bash offers for the last word of these. */
function offered(...lines: readonly (readonly string[])[]): string[][] {
	const script = lines.map(
		(words) => `COMP_WORDS=(libipc ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}; _libipc
printf '%s\\n' "\${COMPREPLY[@]}" --`,
	);
	const { status, out, err } = inShell("bash", ["-c", `eval "$(libipc completion bash)"\n${script.join("\n")}`]);
	expect({ status, err }).toEqual({ status: 0, err: "" });
	const answers = out.split("--\n").map((answer) => answer.split("\n").filter(Boolean));
	expect(answers.pop()).toEqual([]);
	return answers;
}

describe("libipc completion", () => {
	test("bash completes commands, options, values and names, and runs nothing that a name contains", () => {
		using _first = Channel.receiver("prices", { prefix });
		using _second = Channel.receiver("a name", { prefix });
		using _third = Channel.receiver("$(touch ran)", { prefix });
		expect(
			offered(
				["cle"],
				["ls", "--so"],
				["ls", "--sort", "l"],
				["rm", "p"],
				["rm", ""],
				["help", "com"],
				["completion", ""],
			),
		).toEqual([
			["clear"],
			["--sort"],
			["lag"],
			["prices"],
			["\\$\\(touch\\ ran\\)", "a\\ name", "prices"],
			["completion"],
			["bash", "zsh", "fish"],
		]);
		expect(existsSync(join(folder, "ran"))).toBe(false);
	});

	test.each(["zsh", "fish"])("%s gets every command and option", (shell) => {
		const { status, out } = runLibipc(["completion", shell]);
		expect(status).toBe(0);
		for (const { name, flags, isInternal } of commands) {
			if (isInternal) continue;
			expect(out).toMatch(new RegExp(shell === "zsh" ? `^ +${name}\\) _arguments` : ` -a ${name} -d `, "m"));
			for (const flag of Object.keys(flags))
				expect(out).toContain(shell === "zsh" ? `'--${flagName(flag)}[` : `-l ${flagName(flag)} `);
		}
		// The machine of the tests need not have these shells.
		const program = Bun.which(shell);
		if (program === null) return;
		writeFileSync(join(folder, shell), out);
		const check = inShell(program, [shell === "zsh" ? "-n" : "--no-execute", join(folder, shell)]);
		expect(check).toEqual({ status: 0, out: "", err: "" });
	});

	test("refuses a shell that it does not know", () => {
		expect(runLibipc(["completion", "powershell"])).toMatchObject({ status: 2, out: "" });
	});
});
