import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** Wrong usage: printed as one line, exit status 2. */
export class UsageError extends Error {}

/** The options given on the command line; a UsageError names what is not understood. */
export function parseOptions(options: ParseArgsOptionsConfig): Record<string, string | boolean | undefined> {
	try {
		const { values } = parseArgs({ options, allowPositionals: false });
		return values as Record<string, string | boolean | undefined>;
	} catch (error) {
		throw new UsageError(error instanceof Error ? error.message : String(error));
	}
}

/** A whole number given as `--name`. */
export function integerOption(name: string, value: unknown, min: number, max: number): number {
	const number = Number(value);
	if (typeof value === "string" && /^\d+$/.test(value) && number >= min && number <= max) return number;
	throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${String(value)}"`);
}

/** Values given as `--name a,b`, each one of `allowed`. */
export function choicesOption<Choice extends string>(
	name: string,
	value: unknown,
	allowed: readonly Choice[],
): Choice[] {
	const given = String(value).split(",");
	const unknown = given.find((each) => !allowed.some((choice) => choice === each));
	if (unknown !== undefined) throw new UsageError(`--${name}: "${unknown}" is not one of ${allowed.join(", ")}`);
	return allowed.filter((choice) => given.includes(choice));
}
