/** Opens a handle of any kind as another user, or keeps it open until it is killed: `handle.child.ts PROGRAM PREFIX NAME KIND`. */
import { args, say } from "@libipc/testing/program";
import { library } from "../bun/library.ts";
import { Condition, IpcError, Mutex, RwLock, Semaphore, SharedMemory, Signal } from "../index.ts";

const [program = "", prefix = "", name = "", kind = ""] = args;
const open = {
	mutex: () => Mutex.open(name, { prefix }),
	condition: () => Condition.open(name, { prefix }),
	semaphore: () => Semaphore.open(name, { prefix }),
	rwlock: () => RwLock.open(name, { prefix }),
	memory: () => SharedMemory.open(name, { prefix, size: 64 }),
	signal: () => Signal.open(name, { prefix }),
}[kind];

// The library is loaded while this process may still read the files of the user who runs the tests.
library();
if (program === "other user" && process.getuid?.() === 0) {
	process.setgid?.(65_534);
	process.setuid?.(65_534);
}
try {
	const handle = open?.();
	say(JSON.stringify({ code: "opened", message: handle?.name }));
	if (program === "keeps") setInterval(() => handle?.closed, 60_000);
	else handle?.close();
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	say(JSON.stringify({ code: error.code, message: error.message }));
}
