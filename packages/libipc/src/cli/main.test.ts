import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { testUnless } from "@libipc/testing/test_unless";
import { ls } from "./commands/ls.ts";
import { commands } from "./commands.ts";
import { flagName } from "./flags.ts";
import { commandHelp } from "./help.ts";
import { runLibipc, runtimes } from "./testing/run_libipc.ts";

setDefaultTimeout(300_000);

const shown = commands.filter(({ isInternal }) => !isInternal);
const [, bun = []] = runtimes[0] ?? [];

describe.each(runtimes)("libipc in %s", (_, command) => {
	test("lists its commands, and says that it did nothing", () => {
		const { status, out, err } = runLibipc([], { command });
		expect({ status, out }).toEqual({ status: 2, out: "" });
		for (const { name } of shown) expect(err).toMatch(new RegExp(`^ {4}${name} +`, "m"));
		expect(err).toContain(shown[0]?.summary ?? "");
		expect(err).not.toContain("doctor-peer");
	});
});

describe("libipc", () => {
	test("prints the help of a command", () => {
		const printed = { status: 0, out: `${commandHelp(ls, 100).join("\n")}\n`, err: "" };
		expect(runLibipc(["help", "ls"])).toEqual(printed);
		expect(runLibipc(["ls", "no-such-name", "--help"])).toEqual(printed);
	});

	test.each(shown.map((command) => [command.name, command] as const))(
		"has help like a manual page for %s",
		(_, command) => {
			const out = commandHelp(command, 100).join("\n");
			const titles = out.match(/^[A-Z][A-Z ]+$/gm);
			expect(titles).toEqual(["USAGE", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES"]);
			const statuses = [...(out.split("EXIT STATUS")[1] ?? "").matchAll(/^ {4}(\d+) /gm)].map(([, status]) =>
				Number(status),
			);
			expect(statuses).toEqual(statuses.toSorted((a, b) => a - b));
			expect(statuses.slice(0, 3)).toEqual([0, 1, 2]);
			for (const flag of [...Object.keys(command.flags), "prefix", "dir", "json", "help"])
				expect(out).toContain(`--${flagName(flag)}`);
			for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
		},
	);

	test("refuses what it does not know, and says where help is", () => {
		expect(runLibipc(["lss"])).toMatchObject({ status: 2, err: expect.stringContaining('no command "lss"') });
		expect(runLibipc(["ls", "--colour"])).toEqual({
			status: 2,
			out: "",
			err: "libipc ls: has no option --colour\nSee libipc ls --help\n",
		});
		expect(runLibipc(["ls", "--prefix", "--json"]).err).toContain("--prefix needs a value");
		expect(runLibipc(["ls", "--json=yes"])).toMatchObject({ status: 2 });
		expect(runLibipc(["clear", "extra"])).toMatchObject({
			status: 2,
			err: expect.stringContaining('not take "extra"'),
		});
	});

	test("a reader that leaves early is no failure", () => {
		const { exitCode, stdout, stderr } = Bun.spawnSync([
			"bash",
			"-c",
			`"$@" help top | head -1; echo "\${PIPESTATUS[0]}"`,
			"bash",
			...bun,
		]);
		expect({ exitCode, err: stderr.toString() }).toEqual({ exitCode: 0, err: "" });
		expect(stdout.toString()).toMatch(/^libipc top: .*\n0\n$/);
	});

	testUnless(Bun.which("script") === null, "There is no program `script` of util-linux.")(
		"has colours on a terminal, and none with NO_COLOR",
		() => {
			const onTerminal = (env: Record<string, string>) => {
				const line = [...bun, "doctor", "--quick"].join(" ");
				const { stdout } = Bun.spawnSync(["script", "-qec", line, "/dev/null"], {
					env: { ...process.env, TERM: "xterm", NO_COLOR: undefined, ...env },
					stdin: "ignore",
				});
				return stdout.toString();
			};
			expect(onTerminal({})).toContain("\x1b[32mok");
			const plain = onTerminal({ NO_COLOR: "1" });
			expect(plain).toContain("ok ");
			expect(plain).not.toContain("\x1b[3");
		},
	);
});
