/** Opens a handle of any kind and keeps it, or not: `opener PROGRAM PREFIX NAME KIND`. */
import { args, say } from "@libipc/testing/program";
import { Condition, IpcError, Mutex, RwLock, Semaphore, SharedMemory, Signal } from "../under_test.ts";

const [program = "", prefix = "", name = "", kind = ""] = args;
const open = {
	mutex: () => Mutex.open(name, { prefix }),
	condition: () => Condition.open(name, { prefix }),
	semaphore: () => Semaphore.open(name, { prefix }),
	rwlock: () => RwLock.open(name, { prefix }),
	memory: () => SharedMemory.open(name, { prefix, size: 64 }),
	signal: () => Signal.open(name, { prefix }),
}[kind];

try {
	const handle = open?.();
	say(JSON.stringify({ code: "opened", message: handle?.name }));
	if (program === "keeps") setInterval(() => handle?.closed, 60_000);
	// "forgets": the thread just ends.
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	say(JSON.stringify({ code: error.code, message: error.message }));
}
