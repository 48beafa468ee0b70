import { createHash } from "node:crypto";

/** What the names of all broadcast channels begin with. */
const START = "web.broadcast.";
/** Longer names are hashed: a name of libipc has at most 128 bytes. */
const LONGEST = 128 - START.length;

const hex = (code: number, digits: number): string => code.toString(16).toUpperCase().padStart(digits, "0");

/**
 * The name of libipc for a broadcast channel, whose name may be any string. Different strings have different names: letters, digits and
 * some signs stand for themselves, anything else is a percent sign and its bytes or, of half a surrogate pair, its number.
 */
export function broadcastName(name: string): string {
	const encoder = new TextEncoder();
	let encoded = "";
	for (const character of name) {
		const code = character.codePointAt(0) ?? 0;
		if (/^[A-Za-z0-9 ._~:+=@-]$/.test(character)) encoded += character;
		else if (code >= 0xd800 && code <= 0xdfff) encoded += `%u${hex(code, 4)}`;
		else for (const byte of encoder.encode(character)) encoded += `%${hex(byte, 2)}`;
		if (encoded.length > LONGEST) return `${START}#${createHash("sha256").update(name, "utf16le").digest("hex")}`;
	}
	return START + encoded;
}
