/** What the calls ask for, and what the latest value is: an object with three fields. */
export interface Quote {
	readonly symbol: string;
	/** Of a call: the number of its question. Of the latest value: how many there were before it. */
	readonly number: number;
	readonly price: number;
}

const SYMBOLS = ["BUN", "NODE", "DENO", "CRÈME BRÛLÉE"] as const;

/** What the question with that number asks for. */
export function symbolAt(number: number): string {
	return SYMBOLS[number % SYMBOLS.length] ?? "";
}

/** Halves, which every format carries without rounding. */
const priceOf = (symbol: string, number: number): number => symbol.length + (number % 1000) / 2;

/** The answer to a question. */
export function quoteOf(symbol: string, number: number): Quote {
	return { symbol, number, price: priceOf(symbol, number) };
}

/** Whether this is the answer to that question, with the right content. */
export function answers(quote: Quote, symbol: string, number: number): boolean {
	return quote.symbol === symbol && quote.number === number && quote.price === priceOf(symbol, number);
}

/** Whether this is one whole value of a server: no field is that of another one. */
export function isWhole(quote: Quote): boolean {
	return Number.isInteger(quote.number) && answers(quote, symbolAt(quote.number), quote.number);
}
