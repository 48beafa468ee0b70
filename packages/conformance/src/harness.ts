/**
 * `describe` and `test` of the runtime (runner.ts), with what this suite wants of both: tables of cases, a time after which a
 * test that hangs has failed, and cases that are skipped on some instances (skipped.ts).
 */
import { after, afterEach, group, single } from "./runner.ts";
import { findSkip } from "./skipped.ts";

export { after as afterAll, afterEach };

/** A row of a table, as the arguments of a function. */
type Values<Row extends readonly unknown[]> = Row extends unknown ? [...Row] : never;

/** A test that takes longer than this hangs: some take 30 times as long on a busy machine as on a quiet one. */
const PATIENCE_MS = 120_000;

function show(value: unknown): string {
	return typeof value === "string"
		? value
		: value instanceof RegExp
			? String(value)
			: (JSON.stringify(value) ?? String(value));
}

/** The name of a case: each `%s` or `%d` is its next value, `%p` and `%j` too, quoted as in a program. */
function named(name: string, values: readonly unknown[]): string {
	let next = 0;
	return name.replace(/%[spdj]/g, (how) => {
		const value = values[next++];
		return /%[pj]/.test(how) && typeof value === "string" ? JSON.stringify(value) : show(value);
	});
}

const listed = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

interface Each<Options extends readonly unknown[]> {
	<const Row extends readonly unknown[]>(
		rows: readonly Row[],
	): (name: string, body: (...row: Values<Row>) => unknown, ...options: Options) => void;
	<const Value>(values: readonly Value[]): (name: string, body: (value: Value) => unknown, ...options: Options) => void;
}

function each<Options extends readonly unknown[]>(
	register: (name: string, body: () => unknown, ...options: Options) => void,
): Each<Options> {
	return (rows: readonly unknown[]) =>
		(name: string, body: (...args: never[]) => unknown, ...options: Options): void => {
			for (const row of rows) register(named(name, listed(row)), () => body(...(listed(row) as never[])), ...options);
		};
}

/** The titles of the groups whose bodies run at this moment. Bun runs the bodies of inner groups after those of outer ones. */
let path: readonly string[] = [];

function registerTest(name: string, body: () => unknown, timeout = PATIENCE_MS): void {
	const title = [...path, name].join(" > ");
	const skipped = findSkip(title);
	if (skipped) {
		// For scripts/conformance.ts, which counts these.
		console.log(`\nSKIPPED ${JSON.stringify({ title, ...skipped })}`);
		single(name, title, { skip: skipped.reason }, async () => {});
		return;
	}
	single(name, title, { timeout }, async () => {
		await body();
	});
}

function registerGroup(name: string, body: () => unknown): void {
	const inner = [...path, name];
	group(name, () => {
		const outer = path;
		path = inner;
		try {
			body();
		} finally {
			path = outer;
		}
	});
}

export const test: typeof registerTest & { readonly each: Each<[timeout?: number]> } = Object.assign(registerTest, {
	each: each(registerTest),
});

export const describe: typeof registerGroup & { readonly each: Each<[]> } = Object.assign(registerGroup, {
	each: each(registerGroup),
});
