/** Four processes, two requests at a time and four in each interval: `bun examples/guide/rate-limit/main.ts`. */
import { Semaphore, SharedMemory } from "@libipc/core";

const [role = "keeper", prefix = `guide-${process.pid}`, accident] = process.argv.slice(2);

/** How many at once. Robust: the permit of who is killed comes back. */
const openSlots = () => Semaphore.open("slots", { prefix, initial: 2, robust: true });
/** How many in each interval. Plain: one releases what others take. */
const openTokens = () => Semaphore.open("tokens", { prefix, initial: 0 });
/** For the figures below: requests inside, the most there were, requests done. */
const openFigures = () => SharedMemory.open("figures", { prefix, size: 12 });
const [INSIDE, MOST, DONE] = [0, 1, 2];

async function request(figures: Int32Array): Promise<void> {
	const inside = Atomics.add(figures, INSIDE, 1) + 1;
	for (let most = 0; most < inside; ) most = Atomics.compareExchange(figures, MOST, most, inside);
	await Bun.sleep(10);
	Atomics.sub(figures, INSIDE, 1);
	Atomics.add(figures, DONE, 1);
}

async function work(): Promise<void> {
	using slots = openSlots();
	using tokens = openTokens();
	using memory = openFigures();
	for (let i = 0; i < 3; i++) {
		// It is used up: never released by who takes it.
		await tokens.acquireAsync();
		using _slot = await slots.acquireAsync();
		await request(memory.words);
		// The accident: one of two slots is taken, and its holder is gone.
		if (accident === "killed") process.kill(process.pid, "SIGKILL");
	}
}

async function keep(): Promise<void> {
	using slots = openSlots();
	using tokens = openTokens();
	using memory = openFigures();
	const workers = ["killed", "", "", ""].map((fate) =>
		Bun.spawn([process.execPath, import.meta.path, "worker", prefix, fate]),
	);
	let given = 0;
	const refill = setInterval(() => {
		// Up to four: what was not used does not add up.
		const missing = 4 - tokens.permits;
		if (missing > 0) tokens.release(missing);
		given += missing;
	}, 50);
	await Promise.all(workers.map(({ exited }) => exited));
	clearInterval(refill);
	// Whoever waits for a permit looks for the dead.
	using _first = slots.acquire();
	using _second = slots.acquire();
	const figures = memory.words;
	console.log(`requests: ${figures[DONE]}, at most 2 at once: ${Number(figures[MOST]) <= 2}`);
	console.log(`a token used for each: ${given - tokens.permits === figures[DONE]}`);
	console.log(`permits taken back from the dead: ${slots.recovered}`);
}

if (role === "worker") await work();
else await keep();
