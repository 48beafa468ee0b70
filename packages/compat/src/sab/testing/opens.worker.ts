/** Opens a name, or starts a Worker that does, and reports the result. */
import { parentPort, Worker, workerData } from "node:worker_threads";
import { Channel, type IpcError } from "../../index.ts";

const { levels } = (workerData ?? { levels: 1 }) as { readonly levels: number };

function open(): string {
	try {
		Channel.sender("name").close();
		return "opened";
	} catch (error) {
		const { code, message } = error as IpcError;
		return `${code}: ${message}`;
	}
}

if (levels > 1) {
	const worker = new Worker(new URL(import.meta.url), { workerData: { levels: levels - 1 } });
	worker.on("message", (message) => parentPort?.postMessage(message));
} else parentPort?.postMessage(open());
