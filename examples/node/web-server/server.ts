/**
 * A Node web server whose requests reach Bun processes through shared memory:
 *
 *   node examples/node/web-server/server.ts [port]      (Node 22.18 or later)
 *   bun examples/node/web-server/subscriber.ts          (in any number of other terminals)
 *   curl -d '{"symbol":"ACME","price":42}' http://127.0.0.1:8080/prices
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Channel } from "libipc";

const [port = "8080", prefix = ""] = process.argv.slice(2);
const prices = Channel.sender("prices", { prefix });

const server = createServer(async (request, response) => {
	if (request.method !== "POST" || request.url !== "/prices") {
		response.writeHead(404).end();
		return;
	}
	try {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk);
		// If a subscriber is too slow, the request fails after a second.
		const isSent = await prices.sendAsync(Buffer.concat(chunks), { timeout: 1000 });
		response.writeHead(isSent ? 202 : 503).end(`${prices.receiverCount} subscribers\n`);
	} catch (error) {
		response.writeHead(500).end(`${error}\n`);
	}
});

server.listen(Number(port), "127.0.0.1", () => {
	console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prices`);
});

process.once("SIGTERM", () => {
	server.close();
	server.closeAllConnections();
	prices.close();
});
