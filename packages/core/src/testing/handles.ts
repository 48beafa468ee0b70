import { expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { clear, type HandleKind, IpcError, type IpcErrorCode } from "../index.ts";

/** Names of one test file, unique to this process, and what they have in the system. */
export class HandleNames {
	readonly prefix: string;
	#count = 0;

	constructor(file: string) {
		this.prefix = `${file}${process.pid}`;
	}

	next(): string {
		return `n${this.#count++}`;
	}

	path(kind: HandleKind, name: string, prefix = this.prefix): string {
		return `/dev/shm/libipc.${kind}.${prefix.length}.${prefix}.${name}`;
	}

	/** The files there are of these names. */
	files(): string[] {
		return readdirSync("/dev/shm").filter((file) => file.startsWith("libipc.") && file.includes(`.${this.prefix}`));
	}

	/** For after each test: nothing may be left but what killed processes had open. Removes whatever there is. */
	expectNothingLeft(): void {
		clear({ prefix: this.prefix });
		const left = this.files();
		for (const file of left) rmSync(`/dev/shm/${file}`, { force: true });
		expect(left).toEqual([]);
	}
}

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
	expect(caught).toBeInstanceOf(IpcError);
	expect(caught).toMatchObject({ name: "IpcError", code, message: expect.stringMatching(text) });
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
	expect(ms).toBeGreaterThanOrEqual(timeout - 2);
	expect(ms).toBeLessThan(timeout + 1000);
}

/**
 * Others go on within a second after a process was killed. The scheduler of a machine that is busy with other things may
 * add seconds to a single one of these; not to half of many, see {@link expectRecoveries}.
 */
export const RECOVERY_MS = 10_000;

/** What is said of many recoveries, in milliseconds: within a second, but for what the machine adds to some. */
export function expectRecoveries(latencies: readonly number[]): void {
	const sorted = latencies.toSorted((a, b) => a - b);
	expect(sorted[sorted.length >> 1]).toBeLessThan(1000);
	expect(sorted.at(-1)).toBeLessThan(RECOVERY_MS);
}

/** A Worker that runs a program of handles.worker.ts, with what it posts. */
export class HandleWorker implements AsyncDisposable {
	readonly #worker = new Worker(new URL("handles.worker.ts", import.meta.url));
	readonly #posted: unknown[] = [];
	readonly #closed: Promise<unknown>;

	constructor(program: string, prefix: string, name: string) {
		this.#worker.onmessage = ({ data }: MessageEvent<unknown>) => {
			this.#posted.push(data);
		};
		this.#closed = new Promise((resolve) => this.#worker.addEventListener("close", resolve));
		this.#worker.postMessage({ program, prefix, name });
	}

	async next(): Promise<unknown> {
		await until(() => this.#posted.length > 0);
		return this.#posted.shift();
	}

	async terminate(): Promise<void> {
		this.#worker.terminate();
		await this.#closed;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.terminate();
	}
}
