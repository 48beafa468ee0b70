/**
 * Opens names and takes what it can get, each time that the program runs: `again PROGRAM PREFIX NAME`. On SIGUSR2 it starts
 * itself again in the same process.
 */
import { isMainThread, Worker } from "node:worker_threads";
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { type IpcError, Mutex, Queue, Route, RwLock, Semaphore } from "../under_test.ts";

const [program = "", prefix = "", name = ""] = args;
const options = { prefix };
const wait = { timeout: 20_000 };

function openRoute(): unknown {
	try {
		return Route.sender(name, options);
	} catch (error) {
		return (error as IpcError).code;
	}
}

/** Takes everything, and keeps it. */
function take(): readonly unknown[] {
	const route = openRoute();
	const mutex = Mutex.open(name, options);
	const rwlock = RwLock.open(name, options);
	const semaphore = Semaphore.open(name, { ...options, initial: 1, robust: true });
	const worker = Queue.receiver(name, options);
	const locked = [mutex.acquire(wait)?.ownerDied, rwlock.acquire(wait)?.ownerDied];
	const permit = semaphore.acquire(wait);
	const lease = worker.take(wait);
	say(
		JSON.stringify({
			pid: process.pid,
			route: typeof route === "string" ? route : "open",
			locked,
			permit: permit !== null,
			recovered: semaphore.recovered,
			job: lease && [text(lease.bytes), lease.attempt],
		}),
	);
	return [route, mutex, rwlock, semaphore, worker, permit, lease];
}

const programs: Record<string, () => unknown> = {
	alone: take,
	/** A Worker takes everything, and is blocked in a call then. */
	"in a Worker"() {
		const worker = new Worker(new URL(import.meta.url), { workerData: { args: ["thread", prefix, name] } });
		worker.on("message", say);
	},
	thread() {
		const all = take();
		Route.receiver(`${name}.silent`, options).recv();
		return all;
	},
};

if (isMainThread)
	process.on("SIGUSR2", () => {
		const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
		process.execve?.(process.execPath, command, process.env as Record<string, string>);
	});
const all = programs[program]?.();
setInterval(() => all, 60_000);
