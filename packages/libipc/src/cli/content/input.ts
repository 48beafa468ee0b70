import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { CommandFailure, usageError } from "../exit.ts";
import { textOption } from "../flags.ts";

/** Where commands that send get what they send from: arguments, a file, or standard input. */

export const inputFlags = {
	file: textOption("FILE", {
		description: "Takes the bytes of this file as one value",
		short: "f",
		completes: "files",
	}),
	whole: { description: "Takes all of standard input as one value, instead of each line" },
	text: { description: "Takes values as text, also if they look like JSON" },
} as const;

export interface InputFlags {
	readonly file: string | undefined;
	readonly whole: boolean;
}

/** The values, as bytes or text, one by one: so a script can go on writing lines. */
export async function* inputs(
	given: readonly string[],
	{ file, whole }: InputFlags,
): AsyncGenerator<string | Uint8Array> {
	if ([given.length > 0, file !== undefined, whole].filter(Boolean).length > 1)
		throw usageError("takes values as arguments, with --file, or from standard input with --whole, but not together");
	if (given.length > 0) yield* given;
	else if (file !== undefined) yield readFileSync(file);
	else if (whole) yield await buffer(process.stdin);
	else
		for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) yield line;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decoded(input: Uint8Array): string {
	try {
		return decoder.decode(input);
	} catch {
		throw new CommandFailure("The input is not text in UTF-8. With --codec bytes, its bytes are sent as they are.");
	}
}

/** Text as the value that it is in JSON; what is no JSON is a string. */
export function parsedValue(input: string | Uint8Array, isText: boolean): unknown {
	const text = typeof input === "string" ? input : decoded(input);
	if (isText) return text;
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

/** What a codec is given for an input: bytes as they are, text, or a value. */
export function sentValue(input: string | Uint8Array, codec: string, isText: boolean): unknown {
	if (codec === "bytes") return typeof input === "string" ? new TextEncoder().encode(input) : input;
	if (codec === "text") return typeof input === "string" ? input : decoded(input);
	return parsedValue(input, isText);
}
