/** Jobs that fail, jobs that no worker can do, and where they end: `bun examples/guide/failing-jobs/main.ts`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, type Lease, Queue } from "libipc";

const [role = "manager", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const decoder = new TextDecoder();

async function work(): Promise<void> {
	// One job at a time: the loop does not wait for the work, so it would take all jobs.
	using jobs = Queue.receiver("jobs", { prefix, maxAttempts: 3, deadLetter: "jobs.dead", prefetch: 1 });
	using results = Channel.sender("results", { prefix });
	const handle = async (lease: Lease): Promise<void> => {
		const job = decoder.decode(lease.bytes);
		if (job === "poison") process.kill(process.pid, "SIGKILL");
		// It would fail again: to the dead letters, without another attempt.
		if (job === "{") return lease.reject("no job");
		await sleep(5);
		// The database is not there yet, for example. Later, and the others meanwhile.
		if (job === "flaky" && lease.attempt < 3) return lease.retry({ delay: 100 * lease.attempt });
		results.send(`${job}, attempt ${lease.attempt}`);
		lease.done();
	};
	for await (const lease of jobs.leases()) void handle(lease);
}

async function manage(): Promise<void> {
	using jobs = Queue.sender("jobs", { prefix });
	// Opened first: a queue is gone with its last endpoint, and so are its messages.
	using dead = Queue.receiver("jobs.dead", { prefix });
	using results = Channel.receiver("results", { prefix });
	const workers = new Set<ChildProcess>();
	let isOver = false;
	const start = (): void => {
		const worker = spawn(process.execPath, [...process.execArgv, import.meta.filename, "worker", prefix]);
		workers.add(worker);
		worker.on("exit", () => {
			workers.delete(worker);
			if (!isOver) start();
		});
	};
	for (let i = 0; i < 3; i++) start();

	jobs.sendBatch(["flaky", "poison", "{", "resize", "rename"]);
	const done: string[] = [];
	for await (const message of results) if (done.push(decoder.decode(message)) === 3) break;
	for (const result of done.sort()) console.log(`done: ${result}`);

	const letters: string[] = [];
	for await (const lease of dead.leases()) {
		letters.push(`${decoder.decode(lease.bytes)}: ${lease.origin?.reason}, attempts: ${lease.origin?.attempts}`);
		lease.done(); // or lease.redrive(): back to the queue, when the reason is gone
		if (letters.length === 2) break;
	}
	for (const letter of letters.sort()) console.log(`dead letter: ${letter}`);
	isOver = true;
	const exits = [...workers].map((worker) => once(worker, "exit"));
	for (const worker of workers) worker.kill("SIGKILL");
	await Promise.all(exits);
}

if (role === "worker") await work();
else await manage();
