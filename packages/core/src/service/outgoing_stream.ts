import type { RunningCall } from "./running_call.ts";

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

/** The iterator of what a handler has returned, if it is a stream: an async iterable, or a generator. */
export function iteratorOf(result: unknown): AnyIterator | undefined {
	if (result === null || typeof result !== "object") return undefined;
	const from = result as AsyncIterable<unknown> & Iterable<unknown> & Iterator<unknown>;
	if (typeof from[Symbol.asyncIterator] === "function") return from[Symbol.asyncIterator]();
	// Arrays, maps and so on are values; generators are not.
	if (typeof from.next === "function" && typeof from[Symbol.iterator] === "function") return from[Symbol.iterator]();
	return undefined;
}

/** Sends the items of a stream as far as its client takes them. Returns when it has ended; throws what the iterator throws. */
export async function sendItems(
	call: RunningCall,
	iterator: AnyIterator,
	send: (item: unknown) => true | Promise<boolean>,
): Promise<void> {
	let isDone = false;
	try {
		while (await call.mayYield()) {
			const next = await iterator.next();
			if (next.done) {
				isDone = true;
				return;
			}
			if (call.isCancelled) return;
			call.credit--;
			const sent = send(next.value);
			if (sent !== true && !(await sent)) return;
		}
	} catch (error) {
		isDone = true; // it has ended by its own exception, or the item cannot be sent
		try {
			await iterator.return?.();
		} catch {
			// The first error counts.
		}
		throw error;
	} finally {
		if (!isDone) void endEarly(iterator);
	}
}

/** The client has left: `finally` blocks of the generator run. */
async function endEarly(iterator: AnyIterator): Promise<void> {
	try {
		await iterator.return?.();
	} catch {
		// There is no client to send it to.
	}
}
