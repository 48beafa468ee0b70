import { type Quote, quoteOf, symbolAt } from "./quote.ts";

/** How often a server sets the latest value. */
const PERIOD_MS = 1;

/**
 * The symbol of the one question after which the latest value changes. Calls are measured before it: Bun's event loop takes
 * longer to wake up while a timer of a millisecond runs.
 */
export const START_CHANGES = "START";

/**
 * Sets the first value.
 * @returns what answers questions
 */
export async function quoteServer(set: (quote: Quote) => unknown): Promise<typeof quoteOf> {
	let number = 0;
	const next = (): unknown => set(quoteOf(symbolAt(number), number++));
	await next();
	return (symbol, question) => {
		if (symbol === START_CHANGES) setInterval(next, PERIOD_MS);
		return quoteOf(symbol, question);
	};
}
