import { IpcError, limits } from "@libipc/protocol";
import { environmentVariable } from "../environment_variable.ts";
import { checkOptionsObject, invalid, show } from "./argument.ts";
import { checkOptionNames, optionNames } from "./option_names.ts";

const encoder = new TextEncoder();

/** What a name or a prefix must be, for error messages. */
const mustBe = (least: number, limit: number): string =>
	`must be a string of ${least} to ${limit} bytes of UTF-8 without "/" and control characters`;

/** What is wrong with a name or a prefix; empty: nothing. */
function problemOf(what: "name" | "prefix", value: string, limit: number): string {
	const bytes = encoder.encode(value).byteLength;
	if (what === "name" && value === "") return "it is empty";
	if (bytes > limit) return `it has ${bytes} bytes`;
	if (value.includes("/")) return 'it has a "/"';
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
	if (/[\u0000-\u001f\u007f]/.test(value)) return "it has a control character";
	// A lone surrogate would turn into U+FFFD: two different names would be one.
	return value.isWellFormed() ? "" : "it is not well-formed Unicode";
}

/** Checks the text of a name or a prefix. */
export function checkText(what: "name" | "prefix", value: unknown, limit: number): asserts value is string {
	const must = mustBe(what === "name" ? 1 : 0, limit);
	if (typeof value !== "string") throw invalid("", `The ${what} ${must}, not ${show(value)}.`);
	const problem = problemOf(what, value, limit);
	if (problem)
		throw new IpcError(
			"ERR_IPC_INVALID_NAME",
			value,
			`The ${what} ${show(value)} is not usable: ${problem}. It ${must}.`,
		);
}

/** The environment variable with the prefix of calls that pass none. */
const PREFIX_VARIABLE = "LIBIPC_PREFIX";

/** The prefix of the environment; `undefined`: the variable is not set, or empty. It is read by each open. */
function environmentPrefix(): string | undefined {
	const prefix = environmentVariable(PREFIX_VARIABLE);
	if (!prefix) return undefined;
	const problem = problemOf("prefix", prefix, limits.prefixBytes);
	if (problem)
		throw invalid(
			"",
			`The environment variable ${PREFIX_VARIABLE} is ${show(prefix)}, which is not usable as a prefix: ${problem}. It ${mustBe(0, limits.prefixBytes)}. Change or unset it, or pass the option \`prefix\`.`,
		);
	return prefix;
}

/** Checks a name and a prefix. Returns the prefix: the given one, else that of the environment, else the empty one. */
export function checkName(name: unknown, prefix: unknown): string {
	checkText("name", name, limits.nameBytes);
	return checkPrefix(prefix) ?? "";
}

/** Checks the arguments of `clear(name)` of a factory. Returns the prefix. */
export function checkClear(
	factory: string,
	name: string,
	options: { prefix?: string | undefined } | undefined,
): string {
	const given = checkOptionsObject(name, options, '{ prefix: "app" }');
	const prefix = checkName(name, given?.prefix);
	checkOptionNames(name, `${factory}.clear`, given, optionNames.clear);
	return prefix;
}

/** Checks a prefix. Returns it, or, if none is given, that of the environment; `undefined`: neither is given. */
export function checkPrefix(prefix: unknown): string | undefined {
	if (prefix === undefined) return environmentPrefix();
	checkText("prefix", prefix, limits.prefixBytes);
	return prefix;
}
