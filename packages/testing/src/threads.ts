import { Worker } from "node:worker_threads";
import type { Start } from "./running.ts";

/** Starts a program on a thread of this process. */
export const startThread: Start = (file, args, { env }, listener) => {
	const worker = new Worker(file, {
		workerData: { args },
		...(env ? { env: { ...process.env, ...env } } : {}),
	});
	let error: unknown;
	worker.on("message", (line: string) => listener.line(line));
	worker.on("error", (reason) => {
		error = reason;
	});
	worker.on("exit", (status) => listener.ended(status, error));
	return {
		pid: process.pid,
		kill: () => void worker.terminate(),
		signal: () => {
			throw new Error("a thread cannot get a signal");
		},
	};
};
