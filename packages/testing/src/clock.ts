import { readdirSync, readFileSync } from "node:fs";

function words(path: string): string[] {
	try {
		return readFileSync(path, "utf8").trim().split(/\s+/);
	} catch {
		return []; // the thread has ended, or the system does not tell
	}
}

function names(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}

/** Of a process and of its descendants: for how many ns each thread was ready to run, and had no processor. */
function delays(
	pid: number | string,
	found = new Map<string, Map<string, number>>(),
): Map<string, Map<string, number>> {
	const threads = new Map<string, number>();
	found.set(String(pid), threads);
	for (const thread of names(`/proc/${pid}/task`)) {
		const [, delay] = words(`/proc/${pid}/task/${thread}/schedstat`);
		if (delay !== undefined) threads.set(thread, Number(delay));
		for (const child of words(`/proc/${pid}/task/${thread}/children`)) if (child) delays(child, found);
	}
	return found;
}

/** Of so many threads of each process: a runtime has others, which nobody waits for. */
const THREADS = 2;

/**
 * Starts to measure a time. The function that it returns answers how many ms have passed, without those in which threads of this
 * process and of its descendants were ready to run and had no processor: that a machine is busy is no fault of the library. Where the
 * system does not tell (macOS), it answers how many ms have passed.
 */
export function startClock(): () => number {
	const before = delays("self");
	const started = performance.now();
	return () => {
		const passed = performance.now() - started;
		let delayed = 0;
		for (const [pid, threads] of delays("self")) {
			const old = before.get(pid);
			const added = [...threads].map(([thread, delay]) => delay - (old?.get(thread) ?? 0)).sort((a, b) => b - a);
			for (const delay of added.slice(0, THREADS)) delayed += delay;
		}
		return Math.max(0, passed - delayed / 1e6);
	};
}
