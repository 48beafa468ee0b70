import { existsSync } from "node:fs";
import { type Quote, symbols } from "../prices.ts";

const [unix = "prices.sock"] = process.argv.slice(2);
async function get(path: string): Promise<Quote> {
	const response = await fetch(`http://prices${path}`, { unix });
	if (!response.ok) throw new Error(await response.text());
	return response.json() as Promise<Quote>;
}

while (!existsSync(unix)) await Bun.sleep(10);
for (const symbol of symbols) console.log(JSON.stringify(await get(`/quote/${symbol}`)));
console.log("latest", JSON.stringify(await get("/latest")));
