/** Opens a channel in a Worker: `opens.worker.ts PREFIX NAME`. Posts the directory of the names, or the error. */
import { parentPort } from "node:worker_threads";
import { Channel, engine, IpcError } from "../index.ts";

const [prefix = "", name = ""] = process.argv.slice(2);
try {
	Channel.receiver(name, { prefix }).close();
	parentPort?.postMessage({ directory: engine().directory });
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	parentPort?.postMessage({ code: error.code, message: error.message });
}
