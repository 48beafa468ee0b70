/** Opens a handle of any kind as another user, or keeps it: `handles.child.ts PROGRAM PREFIX NAME KIND`. */

import { library } from "../bun/library.ts";
import { Condition, IpcError, Mutex, RwLock, Semaphore, SharedMemory } from "../index.ts";

const [program = "", prefix = "", name = "", kind = ""] = process.argv.slice(2);
const open = {
	mutex: () => Mutex.open(name, { prefix }),
	condition: () => Condition.open(name, { prefix }),
	semaphore: () => Semaphore.open(name, { prefix }),
	rwlock: () => RwLock.open(name, { prefix }),
	memory: () => SharedMemory.open(name, { prefix, size: 64 }),
}[kind];

// Loaded while we may still read the files of whoever runs the tests.
library();
if (program === "other user" && process.getuid?.() === 0) {
	process.setgid?.(65_534);
	process.setuid?.(65_534);
}
try {
	const handle = open?.();
	console.log(JSON.stringify({ code: "opened", message: handle?.name }));
	if (program === "keeps") setInterval(() => handle?.closed, 60_000);
	else if (program === "other user") handle?.close();
	// "forgets": the process just ends.
} catch (error) {
	if (!(error instanceof IpcError)) throw error;
	console.log(JSON.stringify({ code: error.code, message: error.message }));
}
