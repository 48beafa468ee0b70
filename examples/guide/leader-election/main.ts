/** Three candidates for one office; a leader is killed, the next stopped: `bun examples/guide/leader-election/main.ts`. */
import { Channel, IpcError, list, Mutex, SharedMemory } from "@libipc/core";

const [role = "store", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** The number of the last term. It is kept open by all, so it only grows. */
const openTerms = () => SharedMemory.open("terms", { prefix, size: 4 });

async function run(): Promise<void> {
	using terms = openTerms();
	using store = Channel.sender("store", { prefix });
	for (;;) {
		using office = Mutex.open("leader", { prefix });
		try {
			using _guard = await office.acquireAsync();
			const term = Atomics.add(terms.words, 0, 1) + 1;
			// A leader at work. Each write says in which term it was made.
			while (store.send(`${term} ${process.pid}`)) await Bun.sleep(50);
			return;
		} catch (error) {
			// The office was declared vacant: run for the new one.
			if (!(error instanceof IpcError && error.code === "ERR_IPC_ORPHANED")) throw error;
		}
	}
}

/** How many wait for the office. */
function waiting(): number {
	const office = list({ prefix }).find(({ kind }) => kind === "mutex");
	return office?.endpoints.filter(({ sleeping }) => sleeping).length ?? 0;
}

/** Takes the writes of leaders, none of a term that is over. */
async function keepStore(): Promise<void> {
	using _terms = openTerms();
	const store = Channel.receiver("store", { prefix });
	const candidates = [1, 2, 3].map(() => Bun.spawn([process.execPath, import.meta.path, "candidate", prefix]));
	let latest = 0;
	let stopped = 0;
	let killedAt = 0;
	for await (const message of store) {
		const [term = 0, pid = 0] = new TextDecoder().decode(message).split(" ").map(Number);
		if (term < latest) {
			console.log(`a write of term ${term} came after term ${latest} began: refused`);
			break;
		}
		if (term === latest) continue;
		latest = term;
		if (term === 1) {
			while (waiting() < 2) await Bun.sleep(5);
			console.log("term 1; its leader is killed");
			killedAt = Date.now();
			process.kill(pid, "SIGKILL");
		} else if (term === 2) {
			console.log(`term 2, within a second: ${Date.now() - killedAt < 1000}; its leader is stopped`);
			process.kill(pid, "SIGSTOP");
			stopped = pid;
			// Silence: it is alive, so nobody takes the office from it.
			while (await store.recvAsync({ timeout: 800 }));
			console.log("nobody wrote for 800 ms: the office is declared vacant");
			Mutex.clear("leader", { prefix });
		} else {
			console.log("term 3; the stopped leader goes on, and knows nothing");
			process.kill(stopped, "SIGCONT");
		}
	}
	// Nobody listens any more: leaders end, and let the next one in.
	store.close();
	const codes = await Promise.all(candidates.map(({ exited }) => exited));
	console.log(`exit codes: ${codes.sort((a, b) => a - b)}`);
}

if (role === "candidate") await run();
else await keepStore();
