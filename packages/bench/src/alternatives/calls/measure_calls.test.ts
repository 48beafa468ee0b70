import { expect, test } from "bun:test";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import { measureCalls } from "./measure_calls.ts";
import { type Quote, quoteOf, symbolAt } from "./quote.ts";

const OPTIONS = { count: 40, warmUp: 2, changeTimeoutMs: 50 };
const never = new Promise<never>(() => {});

/** A client in this thread whose latest value changes at each read. Returns how often it was closed, too. */
function alternative(client: Partial<CallClient>): { readonly closed: { count: number } } & CallAlternative {
	let reads = 0;
	const closed = { count: 0 };
	return {
		name: "fake",
		closed,
		connect: async () => ({
			quote: quoteOf,
			latest: () => quoteOf(symbolAt(reads), reads++),
			failure: never,
			async [Symbol.asyncDispose]() {
				closed.count++;
			},
			...client,
		}),
	};
}

test("right answers and values, with promises and without", async () => {
	const latest = { number: 0 };
	for (const fake of [
		alternative({}),
		alternative({
			quote: async (symbol, number) => quoteOf(symbol, number),
			latest: async () => quoteOf(symbolAt(latest.number >> 2), latest.number++ >> 2),
		}),
	]) {
		const start = await measureCalls(fake, OPTIONS);
		expect(start).toMatchObject({ transport: "fake", count: 40, wrong: 0 });
		for (const { p50, p99 } of [start.calls, start.reads]) {
			expect(p50).toBeGreaterThan(0);
			expect(p99).toBeGreaterThanOrEqual(p50);
		}
		expect(fake.closed.count).toBe(1);
	}
});

test("each wrong answer is counted, in the warm-up too", async () => {
	const swapped = alternative({ quote: (symbol, number) => quoteOf(symbol, number % 21 === 0 ? number + 1 : number) });
	expect((await measureCalls(swapped, OPTIONS)).wrong).toBe(2);
});

test.each<[what: string, values: (read: number) => Quote | undefined, wrong: number]>([
	["a torn value", (read) => ({ ...quoteOf(symbolAt(read), read), ...(read === 7 && { price: 0.25 }) }), 1],
	["a value older than the one before", (read) => quoteOf(symbolAt(0), read === 7 ? 4 : read * 4), 1],
	["no value", (read) => (read < 3 ? undefined : quoteOf(symbolAt(read), read)), 3],
	["a value that never changes", () => quoteOf(symbolAt(0), 0), 1],
])("%s is wrong", async (_, values, wrong) => {
	let reads = 0;
	const start = await measureCalls(alternative({ latest: () => values(reads++) }), OPTIONS);
	expect(start.wrong).toBe(wrong);
});

test("a failure and an abort end the measurement, and the client is closed", async () => {
	const failed = new Error("the server has ended");
	const fake = alternative({ quote: () => never, failure: Promise.reject(failed) });
	await expect(measureCalls(fake, OPTIONS)).rejects.toBe(failed);
	expect(fake.closed.count).toBe(1);
	const aborted = alternative({});
	const reason = new Error("enough");
	await expect(measureCalls(aborted, { ...OPTIONS, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
	expect(aborted.closed.count).toBe(1);
});
