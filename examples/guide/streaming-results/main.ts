/** A server computes what a client reads, and stops when the client stops: `bun examples/guide/streaming-results/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Service } from "libipc/service";

const [role = "client", prefix = `guide-${process.pid}`] = process.argv.slice(2);
const AHEAD = 16;

function isPrime(number: number): boolean {
	for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
	return number > 1;
}

let open = 0;
let found = 0;

const handlers = {
	/** Without an end: the client decides how many it wants. */
	async *primes(from: number) {
		open++;
		try {
			for (let number = from; ; number++) {
				if (!isPrime(number)) continue;
				found++;
				yield number;
			}
		} finally {
			open--; // Runs however the stream ends, also if the client is killed.
		}
	},
	*divisors(number: number) {
		if (!Number.isInteger(number)) throw new RangeError(`${number} is not a whole number`);
		for (let divisor = 1; divisor <= number; divisor++) if (number % divisor === 0) yield divisor;
	},
	status: () => ({ open, found }),
};

async function serve(): Promise<void> {
	const server = Service.serve("numbers", handlers, { prefix });
	process.once("SIGTERM", () => server.shutdown());
	await server.ended;
}

async function read(): Promise<void> {
	const program = [...process.execArgv, import.meta.filename, "server", prefix];
	const child = spawn(process.execPath, program, { stdio: "inherit" });
	const ended = once(child, "exit");
	using numbers = Service.connect<typeof handlers>("numbers", { prefix, streamBuffer: AHEAD, timeout: 60_000 });

	const divisors: number[] = [];
	for await (const divisor of numbers.divisors(28)) divisors.push(divisor);
	console.log(`divisors of 28: ${divisors.join(", ")}`);

	const primes: number[] = [];
	for await (const prime of numbers.primes(1_000_000)) if (primes.push(prime) === 3) break;
	console.log(`primes: ${primes.join(", ")}`);
	// break has ended the generator of the server.
	while ((await numbers.status()).open > 0) await sleep(10);
	console.log("no stream runs any more");

	let taken = 0;
	let furthest = 0;
	const before = (await numbers.status()).found;
	for await (const _ of numbers.primes(2)) {
		taken++;
		await sleep(2); // a slow reader
		furthest = Math.max(furthest, (await numbers.status()).found - before - taken);
		if (taken === 50) break;
	}
	console.log(`${taken} primes, slowly; the server was at most ${AHEAD} ahead: ${furthest <= AHEAD}`);

	let count = 0;
	for await (const _ of numbers.divisors(10_000_000)) count++;
	const two = await Promise.all([first(numbers.primes(10)), first(numbers.primes(20))]);
	console.log(`divisors of ten million: ${count}; two streams at once: ${two.join(" and ")}`);
	try {
		for await (const _ of numbers.divisors(0.5));
	} catch (error) {
		console.log(`an error ends the stream: ${error}`);
	}

	child.kill("SIGTERM");
	const [code] = await ended;
	console.log(`the server ended with exit code ${code}`);
}

async function first(numbers: AsyncIterable<number>): Promise<number | undefined> {
	for await (const number of numbers) return number;
	return undefined;
}

if (role === "server") await serve();
else await read();
