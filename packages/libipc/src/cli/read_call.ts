import { parseArgs } from "node:util";
import type { Command } from "./command.ts";
import { CommandFailure, usageError } from "./exit.ts";
import { type CommonValues, commonFlags, type Flags, flagName, isOption } from "./flags.ts";

/** What the arguments of a command say. */
export interface ReadCall {
	readonly parameters: readonly string[];
	readonly flags: Readonly<Record<string, unknown>> & CommonValues;
}

/** A value that looks like a flag was probably forgotten: `--prefix --json`. Negative numbers are values. */
const looksLikeFlag = (value: string): boolean => /^-[^\d]/.test(value);

/**
 * Reads the arguments behind the name of a command. `parseArgs` of `node:util` splits them: it is in Node and Bun, so the package has
 * no argument library that users would have to download.
 *
 * @throws CommandFailure with `Exit.usage`
 */
export function readCall(command: Command, words: readonly string[]): ReadCall {
	const declared: Flags = { ...command.flags, ...commonFlags };
	const byName = new Map(Object.entries(declared).map(([name, flag]) => [flagName(name), { name, flag }]));
	const { tokens } = parseArgs({
		args: [...words],
		strict: false,
		tokens: true,
		allowPositionals: true,
		options: Object.fromEntries(
			[...byName].map(([written, { flag }]) => [
				written,
				{
					type: isOption(flag) ? ("string" as const) : ("boolean" as const),
					...(flag.short === undefined ? {} : { short: flag.short }),
				},
			]),
		),
	});
	const parameters: string[] = [];
	const flags: Record<string, unknown> = Object.fromEntries(
		Object.entries(declared).map(([name, flag]) => [name, isOption(flag) ? undefined : false]),
	);
	for (const token of tokens) {
		if (token.kind === "positional") parameters.push(token.value);
		if (token.kind !== "option") continue;
		const found = byName.get(token.name);
		if (found === undefined) throw usageError(`has no option ${token.rawName}`);
		flags[found.name] = valueOfOption(token, found.flag);
	}
	// Help is for those that do not know the parameters yet.
	if (flags.help !== true) checkParameters(command, parameters);
	return { parameters, flags: flags as ReadCall["flags"] };
}

interface OptionToken {
	readonly rawName: string;
	readonly value: string | undefined;
	readonly inlineValue: boolean | undefined;
}

function valueOfOption({ rawName, value, inlineValue }: OptionToken, flag: Flags[string]): unknown {
	if (!isOption(flag)) {
		if (value !== undefined) throw usageError(`${rawName} takes no value`);
		return true;
	}
	if (value === undefined) throw usageError(`${rawName} needs a value: ${rawName} ${flag.placeholder}`);
	if (inlineValue !== true && looksLikeFlag(value))
		throw usageError(`${rawName} needs a value; if it is "${value}", write ${rawName}=${value}`);
	try {
		return flag.parse(value);
	} catch (error) {
		if (error instanceof CommandFailure) throw new CommandFailure(`${rawName} ${error.message}`, error.status);
		throw error;
	}
}

function checkParameters({ parameters }: Command, given: readonly string[]): void {
	const { usage, least, most } = parameters ?? { usage: "", least: 0, most: 0 };
	const [extra] = given.slice(most);
	if (extra !== undefined) throw usageError(`does not take "${extra}"`);
	if (given.length < least) throw usageError(`needs ${usage}`);
}
