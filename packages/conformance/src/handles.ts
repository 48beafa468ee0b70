import assert from "node:assert/strict";
import { assertLike } from "./assert_like.ts";
import {
	Condition,
	clear,
	type HandleKind,
	IpcError,
	type IpcErrorCode,
	list,
	Mutex,
	RwLock,
	Semaphore,
	SharedMemory,
} from "./under_test.ts";

/** Names of one test file, unique to this process. */
export class HandleNames {
	readonly prefix: string;
	#count = 0;

	constructor(file: string) {
		this.prefix = `${file}${process.pid}`;
	}

	next(): string {
		return `n${this.#count++}`;
	}

	/** The names that are there, also of longer prefixes. */
	existing(): string[] {
		return list()
			.filter(({ prefix }) => prefix.startsWith(this.prefix))
			.map(({ name }) => name);
	}

	/** For after each test: nothing may be left but what terminated threads had open. Removes whatever there is. */
	expectNothingLeft(): void {
		clear({ prefix: this.prefix });
		const left = list({ prefix: this.prefix });
		for (const { kind, name } of left)
			if (kind in handleFactories) handleFactories[kind as HandleKind].clear(name, { prefix: this.prefix });
		assert.deepEqual(
			left.map(({ kind, name, endpoints }) => ({ kind, name, endpoints })),
			[],
		);
	}
}

const handleFactories = {
	mutex: Mutex,
	condition: Condition,
	semaphore: Semaphore,
	rwlock: RwLock,
	memory: SharedMemory,
} as const;

/** Runs what must fail; the error says what was wrong. */
export function expectError(code: IpcErrorCode, text: RegExp, run: () => unknown): void {
	let caught: unknown;
	try {
		run();
	} catch (error) {
		caught = error;
	}
	expectIpcError(caught, code, text);
}

/** The same for a promise. */
export async function expectRejection(code: IpcErrorCode, text: RegExp, promise: Promise<unknown>): Promise<void> {
	expectIpcError(
		await promise.then(
			() => undefined,
			(reason: unknown) => reason,
		),
		code,
		text,
	);
}

function expectIpcError(caught: unknown, code: IpcErrorCode, text: RegExp): void {
	assert.ok(caught instanceof IpcError);
	assertLike(caught, { name: "IpcError", code, message: text });
}

/** A call with arguments that the types forbid. */
export const untyped = (call: unknown, ...args: unknown[]) => (call as (...args: unknown[]) => unknown)(...args);

/** What a timeout must not be, and what the message says of it. */
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

/** Timeouts that no test lives to see the end of. */
export const longTimeouts: readonly (number | undefined)[] = [undefined, 1e12, Infinity, 2 ** 31, 600_000.5];

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Goes round the event loop until it is so; fails after 10 s. */
export async function until(what: () => boolean): Promise<void> {
	const patience = performance.now() + 10_000;
	while (!what()) {
		if (performance.now() > patience) throw new Error(`waited in vain until ${what}`);
		await turn();
	}
}

/** How long something took, in ms. */
export async function took(run: () => unknown): Promise<number> {
	const started = performance.now();
	await run();
	return performance.now() - started;
}

/** That a wait of `timeout` ms took neither less (but for rounding) nor absurdly more. */
export function expectTook(ms: number, timeout: number): void {
	assert.ok(ms >= timeout - 2);
	assert.ok(ms < timeout + 1000);
}

/**
 * Others go on within a second after a process was killed. The scheduler of a machine that is busy with other things may
 * add seconds to a single one of these; not to half of many, see {@link expectRecoveries}.
 */
export const RECOVERY_MS = 10_000;

/** What is said of many recoveries, in milliseconds: within a second, but for what the machine adds to some. */
export function expectRecoveries(latencies: readonly number[]): void {
	const sorted = latencies.toSorted((a, b) => a - b);
	assert.ok((sorted[sorted.length >> 1] ?? 0) < 1000, `half took ${sorted[sorted.length >> 1]} ms or more`);
	assert.ok((sorted.at(-1) ?? 0) < RECOVERY_MS, `one took ${sorted.at(-1)} ms`);
}
