import assert from "node:assert/strict";

/**
 * That a value has at least what `expected` has. A regular expression stands for the strings it matches, a function for the
 * values it answers true for.
 */
export function assertLike(actual: unknown, expected: unknown, path = "it"): void {
	if (expected instanceof RegExp) assert.match(String(actual), expected, `${path} is ${JSON.stringify(actual)}`);
	else if (typeof expected === "function") assert.ok(expected(actual), `${path} is ${String(actual)}`);
	else if (Array.isArray(expected)) {
		assert.ok(Array.isArray(actual), `${path} is no array, but ${String(actual)}`);
		assert.equal(actual.length, expected.length, `${path} has another length: ${JSON.stringify(actual)}`);
		for (const [i, each] of expected.entries()) assertLike(actual[i], each, `${path}[${i}]`);
	} else if (expected !== null && typeof expected === "object") {
		assert.ok(actual !== null && typeof actual === "object", `${path} is ${String(actual)}`);
		for (const [key, each] of Object.entries(expected)) assertLike(Reflect.get(actual, key), each, `${path}.${key}`);
	} else assert.deepEqual(actual, expected, `${path} is ${String(actual)}, not ${String(expected)}`);
}

/** For {@link assertLike}: any number. */
export const aNumber = (value: unknown): boolean => typeof value === "number" && !Number.isNaN(value);
