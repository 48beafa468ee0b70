import { IpcError } from "libipc";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { CommandFailure, Exit, type ExitStatus, usageError } from "./exit.ts";
import { commonFlags, flagName, isOption } from "./flags.ts";
import { commandHelp, overview } from "./help.ts";
import { createOutput, type Output } from "./output.ts";
import { packageVersion } from "./package_version.ts";
import { readCall } from "./read_call.ts";

/** How many words at the start are flags that every command has: `libipc --prefix shop ls` is `libipc ls --prefix shop`. */
function leadingFlags(words: readonly string[]): number {
	let at = 0;
	while (words[at]?.startsWith("-")) {
		const flag = Object.entries(commonFlags).find(([name]) => `--${flagName(name)}` === words[at])?.[1];
		at += flag !== undefined && isOption(flag) ? 2 : 1;
	}
	return Math.min(at, words.length);
}

const plainOutput = (isJson: boolean): Output => createOutput(process.stdout, process.stderr, isJson);

function printLines(lines: readonly string[], output = plainOutput(false)): ExitStatus {
	for (const line of lines) output.line(line);
	return Exit.fine;
}

const printJsonError = (error: { message: string; code?: string }, status: ExitStatus): void => {
	process.stderr.write(`${JSON.stringify({ error, status })}\n`);
};

/** What the system refused: a file that does not exist, or may not be read. Its text says which. */
const isSystemError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

/** Prints what went wrong to standard error, with `--json` as an object; returns the exit status. */
function report(error: unknown, called: string, isJson: boolean): ExitStatus {
	// A command that has nothing to print when it is interrupted throws what its signal says.
	if (error instanceof Error && error.name === "AbortError") {
		if (isJson) printJsonError({ message: "It was interrupted." }, Exit.interrupted);
		return Exit.interrupted;
	}
	const isExpected = error instanceof CommandFailure || error instanceof IpcError || isSystemError(error);
	const message = error instanceof Error ? error.message : String(error);
	const code = error instanceof IpcError ? error.code : undefined;
	let status: ExitStatus = Exit.failed;
	if (error instanceof CommandFailure) status = error.status;
	else if (code === "ERR_IPC_NOT_FOUND") status = Exit.notFound;
	else if (code === "ERR_IPC_TIMED_OUT") status = Exit.timedOut;
	// A name or a prefix that cannot be one is found before anything is done.
	else if (code === "ERR_IPC_INVALID_NAME") status = Exit.usage;
	if (isJson) printJsonError({ message, ...(code && { code }) }, status);
	else {
		const hint = status === Exit.usage ? `\nSee ${called} --help` : "";
		process.stderr.write(`${called}: ${message}${code ? ` (${code})` : ""}${hint}\n`);
		// A defect of this program: its place helps to find it.
		if (!isExpected && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
	}
	return status;
}

async function runCommand(command: Command, words: readonly string[]): Promise<ExitStatus> {
	let isJson = words.includes("--json");
	try {
		const { parameters, flags } = readCall(command, words);
		isJson = flags.json;
		const output = plainOutput(isJson);
		if (flags.help) return printLines(commandHelp(command, output.width), output);
		// The library reads it at its first call.
		if (flags.dir !== undefined) process.env.LIBIPC_DIR = flags.dir;
		return await command.run({ parameters, flags, output });
	} catch (error) {
		return report(error, `libipc ${command.name}`, isJson);
	}
}

/**
 * Runs `libipc` with the words of its command line, and returns its exit status.
 *
 * @param words - The command line without the runtime and the program.
 */
export async function main(words: readonly string[]): Promise<ExitStatus> {
	// The reader of a pipe has left (`libipc ls | head`): there is nobody to print for.
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE") process.exit(process.exitCode ?? Exit.fine);
		throw error;
	});
	const leading = leadingFlags(words);
	const isJson = words.includes("--json");
	const [name, ...rest] = words.slice(leading);
	const width = plainOutput(false).width;
	if (words[0] === "--version" || words[0] === "-v") return printLines([packageVersion()]);
	if (name === undefined || name === "help") {
		const [about] = rest;
		const found = commands.find((each) => each.name === about);
		if (found) return printLines(commandHelp(found, width));
		if (about !== undefined) return report(unknownCommand(about), "libipc", isJson);
		// Without a command, and without a question, nothing was done.
		const isAsked = name === "help" || words.includes("--help") || words.includes("-h");
		const lines = overview(commands, width);
		if (isAsked) return printLines(lines);
		if (isJson) return report(usageError("needs a command; `libipc help` lists all"), "libipc", true);
		process.stderr.write(`${lines.join("\n")}\n`);
		return Exit.usage;
	}
	const command = commands.find((each) => each.name === name);
	if (!command) return report(unknownCommand(name), "libipc", isJson);
	return runCommand(command, [...words.slice(0, leading), ...rest]);
}

const unknownCommand = (name: string): CommandFailure =>
	new CommandFailure(
		`There is no command "${name}". Commands: ${commands
			.filter(({ isInternal }) => isInternal !== true)
			.map((each) => each.name)
			.join(", ")}`,
		Exit.usage,
	);
