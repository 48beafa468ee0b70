/** Sends a message to itself, and prints the engine, the message and the user, or the error, as JSON: `bundled.ts PREFIX`. */
import { Channel, engine, IpcError } from "libipc";

try {
	const prefix = process.argv.at(-1) ?? "";
	const receiver = Channel.receiver("bundled", { prefix });
	const sender = Channel.sender("bundled", { prefix });
	sender.send("42.17");
	console.log(
		JSON.stringify({
			engine: engine().name,
			received: new TextDecoder().decode(receiver.recv() ?? undefined),
			uid: process.getuid?.(),
		}),
	);
	sender.close();
	receiver.close();
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	console.log(JSON.stringify({ code: error.code, message: error.message }));
}
