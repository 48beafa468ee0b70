/** Twelve jobs for three processes, one of which is killed during its work: `bun examples/guide/job-queue/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Channel, Queue } from "libipc";

const [role = "manager", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const decoder = new TextDecoder();

async function work(): Promise<void> {
	using jobs = Queue.receiver("jobs", { prefix });
	using results = Channel.sender("results", { prefix });
	// If a lease ends without done(), for example by an exception, another worker gets the job.
	for await (using lease of jobs.leases()) {
		const job = decoder.decode(lease.bytes);
		if (job === "stop") {
			lease.done();
			break;
		}
		// The failure: the first worker that takes job 7 is killed.
		if (job === "7" && lease.attempt === 1) process.kill(process.pid, "SIGKILL");
		await sleep(5);
		results.send(`job ${job}: ${Number(job) ** 2}, attempt ${lease.attempt}`);
		lease.done();
	}
}

async function assign(): Promise<void> {
	using jobs = Queue.sender("jobs", { prefix });
	using results = Channel.receiver("results", { prefix });
	// No worker is connected yet: the jobs wait in the queue.
	const numbers = Array.from({ length: 12 }, (_, i) => `${i + 1}`);
	jobs.sendBatch(numbers);
	const worker = [...process.execArgv, import.meta.filename, "worker", prefix];
	const workers = [1, 2, 3].map(() => once(spawn(process.execPath, worker, { stdio: "inherit" }), "exit"));
	const answers = new Set<string>();
	for await (const message of results) {
		answers.add(decoder.decode(message));
		if (answers.size === numbers.length) break;
	}
	// Each remaining worker takes one.
	jobs.sendBatch(workers.map(() => "stop"));
	for (const number of numbers) console.log([...answers].find((answer) => answer.startsWith(`job ${number}:`)));
	const exits = await Promise.all(workers);
	const killed = exits.filter(([, signal]) => signal === "SIGKILL");
	console.log(`${killed.length} worker was killed, no result is missing`);
}

if (role === "worker") await work();
else await assign();
