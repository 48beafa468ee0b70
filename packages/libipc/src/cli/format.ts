/** How figures and texts are written for people. */

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes with a unit: `512 B`, `1.5 MiB`. */
export function bytes(count: number): string {
	let unit = 0;
	let value = count;
	while (value >= 1024 && unit < SIZES.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${SIZES[unit]}`;
}

/** A whole number with separators: `1,234,567`. */
export const whole = (count: number): string => Math.round(count).toLocaleString("en");

/** One figure with its noun: `1 sender`, `3 senders`. */
export const counted = (count: number, noun: string): string => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;

const SPANS = [
	["d", 86_400],
	["h", 3600],
	["min", 60],
] as const;

/** A time span, given in seconds: `340 ms`, `12 s`, `3 min`, `2 d`. */
export function span(seconds: number): string {
	for (const [unit, length] of SPANS) if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`;
	return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Math.floor(seconds)} s`;
}

/** A share of a whole: `37 %`. */
export const percent = (part: number, of: number): string => `${of === 0 ? 0 : Math.round((100 * part) / of)} %`;

/**
 * A text of another program, without what would move the cursor or change colours: names may have any character, and other users
 * choose them.
 */
export const printable = (text: string): string =>
	text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu, (unit) =>
		unit === "\\" ? "\\\\" : `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`,
	);
