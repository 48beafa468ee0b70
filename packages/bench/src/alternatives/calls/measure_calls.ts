import { type Percentiles, percentiles } from "../../statistics/statistics.ts";
import type { CallAlternative, CallClient } from "./call_alternative.ts";
import { answers, isWhole, type Quote, symbolAt } from "./quote.ts";
import { START_CHANGES } from "./quote_server.ts";

export interface CallOptions {
	/** Timed calls, and as many timed reads of the latest value. */
	readonly count: number;
	/** Calls and reads before the timed ones: the code is then compiled. */
	readonly warmUp: number;
	readonly signal?: AbortSignal;
	/** How long the latest value may take to change after all reads: much longer than its period on a busy machine. */
	readonly changeTimeoutMs?: number;
}

/** One start of a transport. Times are nanoseconds. */
export interface CallStart {
	readonly transport: string;
	readonly count: number;
	/** From a call until its answer is there, one call at a time. */
	readonly calls: Percentiles;
	/** From a request of the latest value until it is there. */
	readonly reads: Percentiles;
	/** Answers and values that were not right, warm-up included. */
	readonly wrong: number;
}

/** Starts a server, and measures one client of it. */
export async function measureCalls(alternative: CallAlternative, options: CallOptions): Promise<CallStart> {
	await using client = await alternative.connect(options.signal);
	return await Promise.race([measureClient(alternative.name, client, options), client.failure]);
}

async function measureClient(transport: string, client: CallClient, options: CallOptions): Promise<CallStart> {
	const { count, changeTimeoutMs = 30_000 } = options;
	const calls = await time(
		options,
		(number) => client.quote(symbolAt(number), number),
		(quote, number) => answers(quote, symbolAt(number), number),
	);
	await client.quote(START_CHANGES, 0);
	const order = new LatestOrder();
	const reads = await time(
		options,
		() => client.latest(),
		(quote) => order.isNext(quote),
	);
	const wrong = calls.wrong + reads.wrong + ((await order.changes(client, changeTimeoutMs)) ? 0 : 1);
	return { transport, count, calls: percentiles(calls.times), reads: percentiles(reads.times), wrong };
}

/** Times one call after another. The time ends before the answer is checked. */
async function time<Answer>(
	{ count, warmUp, signal }: CallOptions,
	ask: (number: number) => Promise<Answer> | Answer,
	isRight: (answer: Answer, number: number) => boolean,
): Promise<{ readonly times: Float64Array; readonly wrong: number }> {
	const times = new Float64Array(count);
	let wrong = 0;
	for (let number = 0; number < warmUp + count; number++) {
		signal?.throwIfAborted();
		const start = Bun.nanoseconds();
		const pending = ask(number);
		// A promise costs as much as a read of shared memory: only if there is one.
		const answer = pending instanceof Promise ? await pending : pending;
		const elapsed = Bun.nanoseconds() - start;
		if (!isRight(answer, number)) wrong++;
		if (number >= warmUp) times[number - warmUp] = elapsed;
	}
	return { times, wrong };
}

/** Checks that values are whole, that none is older than the one before it, and that they change. */
class LatestOrder {
	#first: number | undefined;
	#last = -1;

	isNext(quote: Quote | undefined): boolean {
		if (quote === undefined || !isWhole(quote) || quote.number < this.#last) return false;
		this.#first ??= quote.number;
		this.#last = quote.number;
		return true;
	}

	/** Reads until the value is another one than the first: reads of a value that never changes prove nothing. */
	async changes(client: CallClient, timeoutMs: number): Promise<boolean> {
		const deadline = performance.now() + timeoutMs;
		while (this.#last === this.#first) {
			if (performance.now() > deadline) return false;
			await Bun.sleep(1);
			if (!this.isNext(await client.latest())) return false;
		}
		return this.#first !== undefined;
	}
}
