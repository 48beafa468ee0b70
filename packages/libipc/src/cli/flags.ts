import { usageError } from "./exit.ts";

/** What the shell offers for a value: names of libipc, files, folders, the names of the commands, or these words. */
export type Completion = "names" | "files" | "folders" | "commands" | readonly string[];

/** A flag without a value: `--json`. */
export interface Switch {
	readonly description: string;
	/** One letter: `n` is `-n`. */
	readonly short?: string;
}

/** A flag with a value: `--prefix shop`. */
export interface Option<Value> {
	readonly description: string;
	readonly short?: string;
	/** What the help calls the value. */
	readonly placeholder: string;
	readonly completes?: Completion;
	/** Returns the value; throws `usageError` with a text that follows the name of the flag: "must be …". */
	readonly parse: (text: string) => Value;
}

/** The flags of a command, by their names in camel case: `dryRun` is `--dry-run`. */
export type Flags = Readonly<Record<string, Switch | Option<unknown>>>;

/** The values of flags. An option that was not given is `undefined`. Of an option that is given twice, the last value counts. */
export type Values<Given extends Flags> = {
	readonly [Name in keyof Given]: Given[Name] extends Option<infer Value> ? Value | undefined : boolean;
};

/** How a flag is written: `dryRun` is `--dry-run`. */
export const flagName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const isOption = (flag: Switch | Option<unknown>): flag is Option<unknown> => "parse" in flag;

type OptionText = Readonly<Pick<Option<unknown>, "description" | "short" | "completes">>;

/** An option whose value is any text. */
export const textOption = (placeholder: string, text: OptionText): Option<string> => ({
	...text,
	placeholder,
	parse: (value) => value,
});

/** An option whose value is a whole number of at least `least` and at most `most`. */
export const wholeOption = (placeholder: string, least: number, most: number, text: OptionText): Option<number> => ({
	...text,
	placeholder,
	parse(value) {
		const number = Number(value);
		if (value.trim() === "" || !Number.isSafeInteger(number) || number < least || number > most)
			throw usageError(`must be a whole number from ${least} to ${most}, not "${value}"`);
		return number;
	},
});

/** An option whose value is a number of at least `least`, for example seconds. */
export const numberOption = (placeholder: string, least: number, text: OptionText): Option<number> => ({
	...text,
	placeholder,
	parse(value) {
		const number = Number(value);
		if (value.trim() === "" || !Number.isFinite(number) || number < least)
			throw usageError(`must be a number of at least ${least}, not "${value}"`);
		return number;
	},
});

/** An option whose value is one of the given words. */
export const wordOption = <const Word extends string>(
	placeholder: string,
	words: readonly Word[],
	text: OptionText,
): Option<Word> => ({
	completes: words,
	...text,
	placeholder,
	parse(value) {
		const word = words.find((each) => each === value);
		if (word === undefined) throw usageError(`must be one of ${words.join(", ")}, not "${value}"`);
		return word;
	},
});

/** The flags that every command has. */
export const commonFlags = {
	prefix: textOption("PREFIX", {
		description: "Only the names of this prefix. Without it: LIBIPC_PREFIX; if that is not set, all prefixes",
	}),
	dir: textOption("FOLDER", {
		description: "The folder with the names. Without it: LIBIPC_DIR; if that is not set, /dev/shm",
		completes: "folders",
	}),
	json: { description: "Prints JSON, for programs" },
	help: { description: "Prints this help", short: "h" },
} as const satisfies Flags;

export type CommonValues = Values<typeof commonFlags>;
