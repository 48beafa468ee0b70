/** Opens a channel as another user and prints the error's code and text: `permission.child.ts PREFIX NAME`. */

import { library } from "../bun/library.ts";
import { Channel, IpcError } from "../index.ts";

const [prefix = "", name = ""] = process.argv.slice(2);
// Loaded while this process may still read the files of the user who runs the tests.
library();
if (process.getuid?.() === 0) {
	process.setgid?.(65_534);
	process.setuid?.(65_534);
}
try {
	using receiver = Channel.receiver(name, { prefix });
	console.log(JSON.stringify({ code: "opened", message: receiver.name }));
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	console.log(JSON.stringify({ code: error.code, message: error.message }));
}
