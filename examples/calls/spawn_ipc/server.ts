import { quoteOf } from "../prices.ts";

export type Request = { id: number; method: "quote"; symbol: string } | { id: number; method: "latest" };

let latest = quoteOf("BUN");
process.on("message", (request: Request) => {
	const { id } = request;
	try {
		if (request.method === "quote") latest = quoteOf(request.symbol);
		process.send?.({ id, result: latest });
	} catch (error) {
		process.send?.({ id, error: String(error) });
	}
});
