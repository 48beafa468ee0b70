import type { ExitStatus } from "./exit.ts";
import type { CommonValues, Completion, Flags, Values } from "./flags.ts";
import type { Output } from "./output.ts";

/** The arguments of a command that are no flags: names, files. */
export interface Parameters {
	/** How the usage line has them: `NAME…`, `[NAME…]`, `SERVICE METHOD`. */
	readonly usage: string;
	readonly least: number;
	readonly most: number;
	/** What the shell offers for them. */
	readonly completes: Completion;
}

/** What a command gets. */
export interface Call<Given extends Flags> {
	readonly parameters: readonly string[];
	readonly flags: Values<Given> & CommonValues;
	readonly output: Output;
}

/** An example of the help: a command line, and what it does. */
export type Example = readonly [line: string, meaning: string];

/** One command of `libipc`. `defineCommand` makes it, in a file of its name in `commands/`; `commands.ts` lists all. */
export interface CommandDefinition<Given extends Flags> {
	readonly name: string;
	/** One line, for the list of commands: "Lists the names". */
	readonly summary: string;
	/** Left out: it takes none. */
	readonly parameters?: Parameters;
	readonly flags: Given;
	/** Paragraphs, for the help. Lines are wrapped when they are printed. */
	readonly description: readonly string[];
	/** The meaning of exit statuses, where it is more than `exitMeanings` says. */
	readonly exits?: Readonly<Partial<Record<ExitStatus, string>>>;
	readonly examples: readonly Example[];
	/** Left out of the list of commands and of completion: other commands start it. */
	readonly isInternal?: boolean;
	/** Prints its results to `output`, and returns the exit status. A failure is thrown: an `IpcError` or a `CommandFailure`. */
	run(call: Call<Given>): ExitStatus | Promise<ExitStatus>;
}

/** A command whose flags are known to itself only. */
export type Command = Omit<CommandDefinition<Flags>, "run"> & {
	run(call: {
		parameters: readonly string[];
		flags: Readonly<Record<string, unknown>>;
		output: Output;
	}): ExitStatus | Promise<ExitStatus>;
};

/**
 * Defines a command. The types of `call.flags` follow from `flags`.
 *
 * @example
 * export const ls = defineCommand({
 *   name: "ls",
 *   summary: "Lists the names",
 *   flags: { sort: wordOption("KEY", ["name", "size"], { description: "The order" }) },
 *   description: ["Lists the names."],
 *   examples: [["libipc ls --sort size", "the largest first"]],
 *   run({ flags, output }) {
 *     output.line(flags.sort ?? "name");
 *     return Exit.fine;
 *   },
 * });
 */
export const defineCommand = <const Given extends Flags>(definition: CommandDefinition<Given>): Command =>
	// `readCall` fills the flags that the definition declares.
	definition as unknown as Command;
