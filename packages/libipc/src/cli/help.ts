import type { Command } from "./command.ts";
import { Exit, type ExitStatus, exitMeanings } from "./exit.ts";
import { commonFlags, type Flags, flagName, isOption } from "./flags.ts";
import { wrapped } from "./table.ts";

/** The help of the commands, in the order of a manual page. */

const MOST_WIDTH = 100;
const INDENT = 4;
const DEEPER = 8;

const section = (title: string, lines: readonly string[]): string[] => ["", title, ...lines];

/** The ways to write a flag: `-n, --dry-run`, `--prefix PREFIX`. */
function spelling(name: string, flag: Flags[string]): string {
	const value = isOption(flag) ? ` ${flag.placeholder}` : "";
	return `${flag.short === undefined ? "" : `-${flag.short}, `}--${flagName(name)}${value}`;
}

const flagLines = (flags: Flags, width: number): string[] =>
	Object.entries(flags).flatMap(([name, flag]) => [
		" ".repeat(INDENT) + spelling(name, flag),
		...wrapped(flag.description, width, DEEPER),
	]);

export const usageOf = ({ name, parameters, flags }: Command): string =>
	["libipc", name, ...(Object.keys(flags).length > 0 ? ["[options]"] : []), parameters?.usage ?? ""].join(" ").trim();

/** The help of one command. */
export function commandHelp(command: Command, terminalWidth: number): string[] {
	const width = Math.min(terminalWidth, MOST_WIDTH);
	const { name, summary, flags, description, exits, examples } = command;
	const statuses = new Set<ExitStatus>([Exit.fine, Exit.failed, Exit.usage]);
	for (const status of Object.keys(exits ?? {})) statuses.add(Number(status) as ExitStatus);
	return [
		`libipc ${name}: ${summary}`,
		...section("USAGE", [" ".repeat(INDENT) + usageOf(command)]),
		...section(
			"DESCRIPTION",
			description.flatMap((text, index) => [...(index > 0 ? [""] : []), ...wrapped(text, width, INDENT)]),
		),
		...section("OPTIONS", flagLines({ ...flags, ...commonFlags }, width)),
		...section(
			"EXIT STATUS",
			[...statuses]
				.sort((a, b) => a - b)
				.flatMap((status) => {
					const [first = "", ...more] = wrapped(exits?.[status] ?? exitMeanings.get(status) ?? "", width, DEEPER);
					return [`${" ".repeat(INDENT)}${status}${first.slice(INDENT + 1)}`, ...more];
				}),
		),
		...section(
			"EXAMPLES",
			examples.flatMap(([line, meaning]) => [" ".repeat(INDENT) + line, ...wrapped(meaning, width, DEEPER)]),
		),
	];
}

/** The help of `libipc` itself. */
export function overview(commands: readonly Command[], terminalWidth: number): string[] {
	const width = Math.min(terminalWidth, MOST_WIDTH);
	const shown = commands.filter(({ isInternal }) => isInternal !== true);
	const longest = Math.max(...shown.map(({ name }) => name.length));
	return [
		"libipc: looks at the names of libipc on this machine, measures them, and removes what was left",
		...section("USAGE", [`${" ".repeat(INDENT)}libipc COMMAND [options] [arguments]`]),
		...section(
			"COMMANDS",
			shown.map(({ name, summary }) => `${" ".repeat(INDENT)}${name.padEnd(longest)}  ${summary}`),
		),
		...section("OPTIONS OF EVERY COMMAND", flagLines(commonFlags, width)),
		...section("MORE", [
			`${" ".repeat(INDENT)}libipc help COMMAND   the help of one command`,
			`${" ".repeat(INDENT)}libipc --version      the version of the package`,
			`${" ".repeat(INDENT)}https://github.com/libipc/libipc/blob/main/docs/cli.md`,
		]),
	];
}
