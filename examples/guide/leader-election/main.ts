/** Three candidates; one leader is killed, the next is stopped: `bun examples/guide/leader-election/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, IpcError, list, Mutex, SharedMemory } from "libipc";

const [role = "store", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** The number of the current term. At least one process has it open at any time, so it only grows. */
const openTerms = () => SharedMemory.open("terms", { prefix, size: 4 });

async function run(): Promise<void> {
	using terms = openTerms();
	using store = Channel.sender("store", { prefix });
	for (;;) {
		using leadership = Mutex.open("leader", { prefix });
		try {
			using _guard = await leadership.acquireAsync();
			const term = Atomics.add(terms.words, 0, 1) + 1;
			// This process is the leader. Each write contains the number of its term.
			while (store.send(`${term} ${process.pid}`)) await sleep(50);
			return;
		} catch (error) {
			// The mutex was cleared: try to get the new one.
			if (!(error instanceof IpcError && error.code === "ERR_IPC_ORPHANED")) throw error;
		}
	}
}

/** How many candidates wait for the mutex. */
function waiting(): number {
	const mutex = list({ prefix }).find(({ kind }) => kind === "mutex");
	return mutex?.endpoints.filter(({ sleeping }) => sleeping).length ?? 0;
}

/** Accepts the writes of leaders, and refuses those of earlier terms. */
async function keepStore(): Promise<void> {
	using _terms = openTerms();
	const store = Channel.receiver("store", { prefix });
	const candidate = [...process.execArgv, import.meta.filename, "candidate", prefix];
	const candidates = [1, 2, 3].map(() => once(spawn(process.execPath, candidate, { stdio: "inherit" }), "exit"));
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
			while (waiting() < 2) await sleep(5);
			console.log("term 1; its leader is killed");
			killedAt = Date.now();
			process.kill(pid, "SIGKILL");
		} else if (term === 2) {
			console.log(`term 2, within a second: ${Date.now() - killedAt < 1000}; its leader is stopped`);
			process.kill(pid, "SIGSTOP");
			stopped = pid;
			// No writes arrive. The leader is alive, so no other candidate gets the mutex.
			while (await store.recvAsync({ timeout: 800 }));
			console.log("no leader wrote for 800 ms: the mutex is cleared");
			Mutex.clear("leader", { prefix });
		} else {
			console.log("term 3; the stopped leader continues, without knowing of it");
			process.kill(stopped, "SIGCONT");
		}
	}
	// With the receiver closed, each leader ends and the next candidate follows.
	store.close();
	const exits = (await Promise.all(candidates)).map(([code, signal]) => String(code ?? signal));
	console.log(`exits: ${exits.sort().join(", ")}`);
}

if (role === "candidate") await run();
else await keepStore();
