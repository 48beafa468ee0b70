/** Calls a function with arguments that its types forbid. */
export const untyped = (call: unknown, ...args: unknown[]) => (call as (...args: unknown[]) => unknown)(...args);

/** Values that are not a timeout, and what the error message says about each. */
export const badTimeouts: readonly (readonly [unknown, RegExp])[] = [
	[-1, /timeout must be a number of milliseconds, 0 .* It was -1\./],
	[-0.001, /It was -0\.001\./],
	[Number.NaN, /It was NaN\./],
	[-Infinity, /It was -Infinity\./],
	["5", /It was "5"\./],
	[null, /It was null\./],
	[true, /It was true\./],
	[{}, /It was \[object Object\]\./],
];

/** Timeouts that no test reaches the end of. */
export const longTimeouts: readonly (number | undefined)[] = [undefined, 1e12, Infinity, 2 ** 31, 600_000.5];
