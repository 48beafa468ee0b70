/**
 * Opens a channel, then shared memory that it lets grow: `refused.child.ts PREFIX NAME USER`. It becomes that user before, unless
 * USER is empty. Prints the first error as JSON.
 */
import { library } from "../bun/library.ts";
import { Channel, IpcError, list, SharedMemory } from "../index.ts";

const [prefix = "", name = "", user = ""] = process.argv.slice(2);
if (user !== "") {
	library(); // while this process may still read the files of the user who runs the tests
	process.setgroups?.([]);
	process.setgid?.(Number(user));
	process.setuid?.(Number(user));
}

const errorOf = (call: () => void): object | undefined => {
	try {
		call();
		return undefined;
	} catch (error) {
		if (!(error instanceof IpcError)) throw error;
		return { code: error.code, message: error.message };
	}
};

const opened = errorOf(() => {
	using _receiver = Channel.receiver(name, { prefix, capacity: 4096, maxReceivers: 1 });
	using memory = SharedMemory.open(name, { prefix, size: 4096 });
	memory.grow(1 << 24);
});
console.log(JSON.stringify({ opened, listed: errorOf(() => void list({ prefix })) }));
