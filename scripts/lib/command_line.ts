/**
 * The arguments of the commands in this repository. One declaration gives their types, defaults and `--help` (cleye). This
 * file adds types of values that say what is wrong with a value, and refuses what a command does not know.
 */
import { cli } from "cleye";

/** How a command ends that was called in a wrong way. */
const USAGE_ERROR = 2;

/** The name of a flag as it is written on the command line: `atOnce` is `--at-once`. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

type Convert = (value: string) => unknown;

/** Puts the name of the flag before the message of a failed conversion. */
function named(name: string, convert: Convert): Convert {
	return (value) => {
		try {
			return convert(value);
		} catch (error) {
			throw new Error(`${flagOf(name)} ${error instanceof Error ? error.message : error}`);
		}
	};
}

const isOwnType = (type: unknown): type is Convert =>
	typeof type === "function" && ![Boolean, String, Number].some((builtIn) => builtIn === type);

/** The flag with its name in the messages of its type. A type in an array allows the flag to be given several times. */
function withName(name: string, flag: unknown): unknown {
	if (isOwnType(flag)) return named(name, flag);
	if (typeof flag !== "object" || flag === null || !("type" in flag)) return flag;
	const { type } = flag;
	if (isOwnType(type)) return { ...flag, type: named(name, type) };
	if (Array.isArray(type) && isOwnType(type[0])) return { ...flag, type: [named(name, type[0])] };
	return flag;
}

type Cli = typeof cli;

/**
 * Reads the arguments of this process, as `cli` of cleye does. A flag that is not declared, a value of the wrong type and
 * a parameter too many end the process with status 2 and a message.
 *
 * @example
 * const { flags, _ } = commandLine({
 *   name: "bun run example",
 *   parameters: ["[file]"],
 *   flags: { minutes: { type: positiveNumber, placeholder: "<n>", description: "how long it runs", default: 5 } },
 * });
 * flags.minutes; // number
 */
export const commandLine = ((options: Parameters<Cli>[0]) => {
	const flags = Object.fromEntries(
		Object.entries(options.flags ?? {}).map(([name, flag]) => [name, withName(name, flag)]),
	);
	try {
		const parsed = cli({ ...options, flags } as Parameters<Cli>[0]);
		// Not with `strictFlags` of cleye, which ends the process with status 1.
		const [unknown] = Object.keys(parsed.unknownFlags);
		if (unknown !== undefined) throw new Error(`has no option ${flagOf(unknown)}; see --help`);
		const [extra] = options.parameters === undefined ? parsed._ : [];
		if (extra !== undefined) throw new Error(`does not take "${extra}"; see --help`);
		return parsed;
	} catch (error) {
		console.error(`${options.name ?? "error"}: ${error instanceof Error ? error.message : error}`);
		process.exit(USAGE_ERROR);
	}
}) as unknown as Cli;

/** A number above 0, for example a time. */
export function positiveNumber(value: string): number {
	const number = Number(value);
	if (value === "" || !(number > 0)) throw new Error(`must be a number above 0, not "${value}"`);
	return number;
}

/** A whole number of at least `least` and at most `most`. */
export function wholeNumber(least: number, most = Number.POSITIVE_INFINITY): (value: string) => number {
	const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
	return (value) => {
		const number = Number(value);
		if (value === "" || !Number.isSafeInteger(number) || number < least || number > most)
			throw new Error(`must be a whole number ${range}, not "${value}"`);
		return number;
	};
}

/** One of the given words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): (value: string) => Word {
	return (value) => {
		const word = words.find((each) => each === value);
		if (word === undefined) throw new Error(`must be one of ${words.join(", ")}, not "${value}"`);
		return word;
	};
}

/** Several of the given words, separated by commas. */
export function listOf<const Word extends string>(...words: readonly Word[]): (value: string) => readonly Word[] {
	return (value) => value.split(",").map(oneOf(...words));
}
