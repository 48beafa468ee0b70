import { inspect } from "node:util";
import type { Codec } from "libipc";
import { printable } from "../format.ts";

/** How messages are shown. */
export const formats = ["auto", "text", "json", "hex"] as const;
export type Format = (typeof formats)[number];

const decoder = new TextDecoder("utf-8", { fatal: true });
const PER_LINE = 16;
/** The most bytes of a message that a dump shows. */
const MOST_DUMPED = 4096;

/** Bytes as in `hexdump -C`: offset, hexadecimal, and the letters of ASCII. */
export function hexLines(bytes: Uint8Array): string[] {
	const lines: string[] = [];
	const shown = Math.min(bytes.byteLength, MOST_DUMPED);
	for (let at = 0; at < shown; at += PER_LINE) {
		const part = [...bytes.subarray(at, Math.min(at + PER_LINE, shown))];
		const cells = part.map((byte) => byte.toString(16).padStart(2, "0"));
		const halves = [cells.slice(0, 8).join(" "), cells.slice(8).join(" ")].join("  ").padEnd(PER_LINE * 3);
		const letters = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
		lines.push(`${at.toString(16).padStart(8, "0")}  ${halves}  |${letters}|`);
	}
	if (shown < bytes.byteLength) lines.push(`… ${bytes.byteLength - shown} more bytes`);
	return lines;
}

/** The bytes as text, if they are UTF-8 without control characters besides tabs and ends of lines. */
function asText(bytes: Uint8Array): string | undefined {
	try {
		const text = decoder.decode(bytes);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: these make it no text
		return /[\x00-\x08\x0e-\x1f\x7f]/.test(text) ? undefined : text;
	} catch {
		return undefined;
	}
}

/** Text of a message, which may be of another user, with its ends of lines, but nothing else that moves the cursor. */
const safe = (text: string): string => text.split("\n").map(printable).join("\n");

const inspected = (value: unknown): string =>
	safe(
		inspect(value, { depth: 8, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 1000, maxStringLength: 65_536 }),
	);

/** A value as JSON has it; what JSON has no text for, as `inspect` shows it. */
export function plainValue(value: unknown): unknown {
	try {
		const text = JSON.stringify(value, (_, inner: unknown) => {
			if (typeof inner === "bigint") return String(inner);
			if (inner instanceof Map) return Object.fromEntries(inner);
			if (inner instanceof Set) return [...inner];
			if (ArrayBuffer.isView(inner) && !(inner instanceof DataView)) return [...(inner as Uint8Array)];
			return inner;
		});
		if (text !== undefined) return JSON.parse(text);
	} catch {
		// A circle.
	}
	return inspect(value, { depth: 8 });
}

/** What a message says. */
export interface Shown {
	/** For people. Several lines are dumps. */
	readonly lines: readonly string[];
	/** For `--json`: `value`, or `text`, or `base64`; with `error` if the codec refused it. */
	readonly fields: Readonly<Record<string, unknown>>;
}

const dump = (bytes: Uint8Array): Shown => ({
	lines: hexLines(bytes),
	fields: { base64: Buffer.from(bytes).toString("base64") },
});

function showText(bytes: Uint8Array): Shown {
	const text = asText(bytes);
	return text === undefined ? dump(bytes) : { lines: [safe(text)], fields: { text } };
}

/**
 * Shows a message.
 *
 * @param codec - Of the name; `undefined`: it has none, or one that only its programs know.
 */
export function show(bytes: Uint8Array, codec: Codec<unknown> | undefined, format: Format): Shown {
	if (format === "hex") return dump(bytes);
	if (format === "text" || !codec || codec.id === "bytes") return showText(bytes);
	let value: unknown;
	try {
		value = codec.decode(bytes);
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		const { lines, fields } = dump(bytes);
		return { lines: [`no ${codec.id}: ${safe(message)}`, ...lines], fields: { error: message, ...fields } };
	}
	if (typeof value === "string" && format === "auto" && codec.id === "text")
		return { lines: [safe(value)], fields: { value } };
	const plain = plainValue(value);
	const isJson = format === "json" || codec.id === "json";
	return { lines: [isJson ? safe(JSON.stringify(plain)) : inspected(value)], fields: { value: plain } };
}

/** What `show` needs for a format: JSON is decoded also where the name has no codec. */
export const codecIdFor = (codec: string, format: Format): string =>
	format === "json" && codec === "" ? "json" : codec;
