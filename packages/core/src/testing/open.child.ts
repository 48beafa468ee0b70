/** Opens a channel and prints what came of it, as JSON: `open.child.ts PREFIX NAME`. */
import { Channel, IpcError } from "../index.ts";

const [prefix = "", name = ""] = process.argv.slice(2);
try {
	using sender = Channel.sender(name, { prefix });
	console.log(JSON.stringify({ code: "opened", message: sender.name }));
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	console.log(JSON.stringify({ code: error.code, message: error.message }));
}
