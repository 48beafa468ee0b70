/** Prints the prices that server.ts publishes, until the server ends: `bun examples/node/web-server/subscriber.ts`. */
import { Channel } from "libipc";

const [prefix = ""] = process.argv.slice(2);
const serverEnded = new AbortController();
const prices = Channel.receiver("prices", { prefix, onPeer: stopWithServer });

function stopWithServer({ type, role }: { type: string; role: string }): void {
	if (role === "sender" && type !== "joined") serverEnded.abort();
}

const print = (price: Uint8Array): void => console.log(new TextDecoder().decode(price));

console.log("listening");
try {
	for await (const price of prices.messages({ signal: serverEnded.signal })) print(price);
} catch (error) {
	if (!serverEnded.signal.aborted) throw error;
}
// What the server sent before it ended is still in the ring: close() would discard it.
for (let price = prices.tryRecv(); price !== null; price = prices.tryRecv()) print(price);
prices.close();
