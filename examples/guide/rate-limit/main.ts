/** Four processes, two requests at a time and four in each interval: `bun examples/guide/rate-limit/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Semaphore, SharedMemory } from "libipc";

const [role = "keeper", prefix = `guide-${process.pid}`, failure] = process.argv.slice(2);

/** How many requests run at once. Robust: the permit of a killed process comes back. */
const openSlots = () => Semaphore.open("slots", { prefix, initial: 2, robust: true });
/** How many requests start in each interval. Plain: one process releases permits that others acquire. */
const openTokens = () => Semaphore.open("tokens", { prefix, initial: 0 });
/** Counters for the output: requests that run now, the maximum so far, requests done. */
const openFigures = () => SharedMemory.open("figures", { prefix, size: 12 });
const [INSIDE, MOST, DONE] = [0, 1, 2];

async function request(figures: Int32Array): Promise<void> {
	const inside = Atomics.add(figures, INSIDE, 1) + 1;
	for (let most = 0; most < inside; ) most = Atomics.compareExchange(figures, MOST, most, inside);
	await sleep(10);
	Atomics.sub(figures, INSIDE, 1);
	Atomics.add(figures, DONE, 1);
}

async function work(): Promise<void> {
	using slots = openSlots();
	using tokens = openTokens();
	using memory = openFigures();
	for (let i = 0; i < 3; i++) {
		// A token is used up: the process that acquires it never releases it.
		await tokens.acquireAsync();
		using _slot = await slots.acquireAsync();
		await request(memory.words);
		// The failure: this process is killed while it holds one of the two slots.
		if (failure === "killed") process.kill(process.pid, "SIGKILL");
	}
}

async function keep(): Promise<void> {
	using slots = openSlots();
	using tokens = openTokens();
	using memory = openFigures();
	const workers = ["killed", "", "", ""].map((failure) => {
		const worker = [...process.execArgv, import.meta.filename, "worker", prefix, failure];
		return once(spawn(process.execPath, worker, { stdio: "inherit" }), "exit");
	});
	let given = 0;
	const refill = setInterval(() => {
		// Fills up to four. Unused tokens do not accumulate.
		const missing = 4 - tokens.permits;
		if (missing > 0) tokens.release(missing);
		given += missing;
	}, 50);
	await Promise.all(workers);
	clearInterval(refill);
	// A wait for a permit also takes back the permits of killed processes.
	using _first = slots.acquire();
	using _second = slots.acquire();
	const figures = memory.words;
	console.log(`requests: ${figures[DONE]}, at most 2 at once: ${Number(figures[MOST]) <= 2}`);
	console.log(`a token used for each: ${given - tokens.permits === figures[DONE]}`);
	console.log(`permits taken back from killed processes: ${slots.recovered}`);
}

if (role === "worker") await work();
else await keep();
