/**
 * A pool of three threads, one of which is terminated during its work. The same file runs as
 * `LIBIPC_ENGINE=sab node examples/node/worker-pool/main.ts` (Node 22.18 or later) and as `bun examples/node/worker-pool/main.ts`.
 */
import { isMainThread, threadId, Worker, workerData } from "node:worker_threads";
// This import must run in the main thread before the first Worker is created. Nothing else is needed.
import { Channel, Queue } from "libipc";

const decoder = new TextDecoder();
const prefix: string = isMainThread ? `pool-${process.pid}` : workerData;

function countPrimes(from: number, to: number): number {
	let primes = 0;
	for (let number = Math.max(from, 2); number < to; number++) {
		let divisor = 2;
		while (divisor * divisor <= number && number % divisor !== 0) divisor++;
		if (divisor * divisor > number) primes++;
	}
	return primes;
}

/** A thread of the pool. It blocks while it waits, because it has nothing else to do. */
function work(): void {
	const jobs = Queue.receiver("jobs", { prefix });
	const results = Channel.sender("results", { prefix });
	for (let job = ""; job !== "stop"; ) {
		const lease = jobs.take();
		if (!lease) continue;
		job = decoder.decode(lease.bytes.slice());
		if (job !== "stop") {
			const [from = 0, to = 0] = job.split("-").map(Number);
			// The failure: the first thread that takes this job hangs. It is terminated, and another thread gets the job.
			if (from === 3000 && lease.attempt === 1) {
				results.send(`stuck ${threadId}`);
				for (;;);
			}
			results.send(`${job} ${countPrimes(from, to)}`);
		}
		lease.done();
	}
	results.close();
	jobs.close();
}

async function main(): Promise<void> {
	const results = Channel.receiver("results", { prefix });
	const jobs = Queue.sender("jobs", { prefix });
	const ranges = Array.from({ length: 12 }, (_, i) => `${i * 1000}-${(i + 1) * 1000}`);
	jobs.sendBatch(ranges);
	const pool = [1, 2, 3].map(() => new Worker(new URL(import.meta.url), { workerData: prefix }));
	const ends = pool.map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
	const primes = new Map<string, string>();
	let terminated = 0;
	for await (const message of results) {
		const [range = "", count = ""] = decoder.decode(message).split(" ");
		if (range === "stuck") {
			await pool.find((worker) => worker.threadId === Number(count))?.terminate();
			terminated++;
		} else {
			primes.set(range, count);
		}
		if (primes.size === ranges.length) break;
	}
	// Each remaining thread takes one.
	jobs.sendBatch(pool.map(() => "stop"));
	await Promise.all(ends);
	jobs.close();
	results.close();
	for (const range of ranges) console.log(`${range}: ${primes.get(range)} primes`);
	console.log(`${terminated} thread was terminated during its work, no result is missing`);
}

if (isMainThread) await main();
else work();
