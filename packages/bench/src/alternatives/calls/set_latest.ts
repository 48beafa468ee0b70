import { type Quote, quoteOf, symbolAt } from "./quote.ts";

const PERIOD_MS = 1;

/** Sets the first value now, and the next ones once a millisecond, until the program ends. */
export async function setLatest(set: (quote: Quote) => unknown): Promise<void> {
	let number = 0;
	const next = (): unknown => set(quoteOf(symbolAt(number), number++));
	await next();
	setInterval(next, PERIOD_MS);
}
