/** Prints the prices that server.ts publishes, until the server ends: `bun examples/node/web-server/subscriber.ts`. */
import { Channel } from "libipc";

const [prefix = ""] = process.argv.slice(2);
const prices = Channel.receiver("prices", { prefix, onPeer: leaveWithServer });

function leaveWithServer({ type, role }: { type: string; role: string }): void {
	if (role === "sender" && type !== "joined") prices.close();
}

console.log("listening");
for await (const message of prices) console.log(new TextDecoder().decode(message));
