import type { Quote } from "./quote.ts";

/** What a server answers where calls are matched by hand. */
export interface Answer {
	readonly id: number;
	readonly result: Quote;
}

/** The calls of a client that have no answer yet, by their ids. */
export class PendingCalls {
	readonly #calls = new Map<number, PromiseWithResolvers<Quote>>();
	#lastId = 0;

	/** @param send sends a request with this id */
	start(send: (id: number) => unknown): Promise<Quote> {
		const call = Promise.withResolvers<Quote>();
		const id = ++this.#lastId;
		this.#calls.set(id, call);
		send(id);
		return call.promise;
	}

	answer({ id, result }: Answer): void {
		this.#calls.get(id)?.resolve(result);
		this.#calls.delete(id);
	}
}
