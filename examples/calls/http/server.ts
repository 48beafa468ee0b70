import { quoteOf } from "../prices.ts";

const [unix = "prices.sock"] = process.argv.slice(2);
let latest = quoteOf("BUN");
const server = Bun.serve({
	unix,
	routes: {
		"/latest": () => Response.json(latest),
		"/quote/:symbol": ({ params }) => {
			latest = quoteOf(params.symbol);
			return Response.json(latest);
		},
	},
	error: (error) => new Response(error.message, { status: 500 }),
});
process.once("SIGTERM", () => server.stop());
