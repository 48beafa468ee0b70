import { checkInteger, invalid, show } from "./argument.ts";

/**
 * Decimal numbers that are file modes if they are read as octal ones, and are within the range of modes. All others, such as 660, are
 * out of range. Their octal values, 0o620, 0o670, 0o674 and 0o764, are modes that no program needs.
 */
const DECIMAL_MODES: readonly unknown[] = [400, 440, 444, 500];

/** What to write instead of a mode in decimal; empty: the value is not one. */
function octalHint(permissions: unknown): string {
	const digits = typeof permissions === "number" || typeof permissions === "string" ? String(permissions) : "";
	const octal = /^(?:0o|0)?([0-7]{3})$/i.exec(digits)?.[1];
	return octal === undefined ? "" : ` Did you mean 0o${octal}? A file mode is written in octal digits, after 0o.`;
}

/** Checks file mode bits. Returns them; 0: none are given. */
export function checkPermissions(endpoint: string, permissions: unknown): number {
	const isInRange =
		typeof permissions === "number" && Number.isInteger(permissions) && permissions >= 0o600 && permissions <= 0o777;
	if (permissions !== undefined && (!isInRange || DECIMAL_MODES.includes(permissions)))
		throw invalid(
			endpoint,
			`permissions must be an integer from 0o600 to 0o777, not ${show(permissions)}.${octalHint(permissions)}`,
		);
	const bits = checkInteger(endpoint, "permissions", permissions, 0o600, 0o777, "0o600 to 0o777");
	if (bits === 0 || (bits & 0o600) === 0o600) return bits;
	throw invalid(
		endpoint,
		`permissions must let the owner read and write (0o600 among the bits), or even the owner could not clear the name; it was 0o${bits.toString(8)}.`,
	);
}
