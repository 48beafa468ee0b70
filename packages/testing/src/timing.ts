import assert from "node:assert/strict";
import { startClock } from "./clock.ts";

/** Keeps the processor busy for a random time of at most `most` ms. */
export function spin(most: number): void {
	const end = performance.now() + Math.random() * most;
	while (performance.now() < end);
}

/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Resolves in the next turn of the event loop. Deno looks at sockets and signals only when a timer or nothing is next. */
export const turn = () =>
	new Promise<void>((resolve) => void (process.versions.deno ? setTimeout(resolve, 1) : setImmediate(resolve)));

/** Runs the event loop until `what` returns true. Fails after 30 s. */
export async function until(what: () => boolean): Promise<void> {
	const patience = performance.now() + 30_000;
	while (!what()) {
		if (performance.now() > patience) throw new Error(`after 30 s this is still false: ${what}`);
		await turn();
	}
}

/** How long a call took, in ms. */
export async function took(run: () => unknown): Promise<number> {
	const started = performance.now();
	await run();
	return performance.now() - started;
}

/** How long a call took, in ms, without the time for which the machine was busy: {@link startClock}. */
export async function tookUndisturbed(run: () => unknown): Promise<number> {
	const clock = startClock();
	await run();
	return clock();
}

/** A wait of `timeout` ms must not take less (except for rounding), nor much longer. */
export function expectTook(ms: number, timeout: number): void {
	assert.ok(ms >= timeout - 2, `took ${ms} ms, less than ${timeout} ms`);
	assert.ok(ms < timeout + 10_000, `took ${ms} ms, much more than ${timeout} ms`);
}

/**
 * The others continue within one second after a process was killed. The scheduler of a busy machine may add seconds to a
 * single recovery, but not to half of many; see {@link expectRecoveries}.
 */
export const RECOVERY_MS = 20_000;

/**
 * A wait that another thread or process woke has ended at once: an event loop whose wake-up was lost ends it at its next poll,
 * which comes every 700 ms. The time is that of {@link tookUndisturbed} or {@link startClock}.
 */
export function expectWoken(ms: number): void {
	assert.ok(ms < 500, `took ${ms} ms`);
}

/** Checks many recovery times, in ms: the median is below one second, the longest below {@link RECOVERY_MS}. */
export function expectRecoveries(latencies: readonly number[]): void {
	const sorted = latencies.slice().sort((a, b) => a - b);
	assert.ok((sorted[sorted.length >> 1] ?? 0) < 1000, `half took ${sorted[sorted.length >> 1]} ms or more`);
	assert.ok((sorted.at(-1) ?? 0) < RECOVERY_MS, `one took ${sorted.at(-1)} ms`);
}
