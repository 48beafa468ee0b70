/** What the programs in these folders ask for and read, each over another transport. */
export interface Quote {
	readonly symbol: string;
	readonly price: number;
}

export const symbols = ["BUN", "NODE", "DENO"] as const;

const prices = new Map([
	["BUN", 42.25],
	["NODE", 17.5],
	["DENO", 23.75],
]);

/** The quote of a symbol: in a server of your own, from a table or another service. */
export function quoteOf(symbol: string): Quote {
	const price = prices.get(symbol);
	if (price === undefined) throw new Error(`there is no ${symbol}`);
	return { symbol, price };
}
