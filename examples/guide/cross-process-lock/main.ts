/** Three processes move money in one file, and one is killed half-way: `bun examples/guide/cross-process-lock/main.ts`. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Mutex } from "@libipc/core";

const [role = "bank", prefix = `guide-${process.pid}`, accident] = process.argv.slice(2);
const path = `${tmpdir()}/${prefix}.json`;
const TOTAL = 1000;

interface Accounts {
	from: number;
	to: number;
	repairs: number;
}

const read = (): Accounts => JSON.parse(readFileSync(path, "utf8"));

/** Whole or not at all, whenever it is killed. What it leaves beside the file is overwritten by the next. */
function write(accounts: Accounts): void {
	writeFileSync(`${path}.new`, JSON.stringify(accounts));
	renameSync(`${path}.new`, path);
}

/** What the killed one had taken and not yet given goes back. */
function repair(mutex: Mutex): void {
	const accounts = read();
	const missing = TOTAL - accounts.from - accounts.to;
	if (missing !== 0 && missing !== 1) {
		// No transfer leaves that. Whoever locks from now on, or waits, gets ERR_IPC_UNUSABLE.
		mutex.markUnusable();
		throw new Error(`${missing} are missing in ${path}: see to it, then clear the mutex`);
	}
	write({ ...accounts, from: accounts.from + missing, repairs: accounts.repairs + missing });
}

function transfer(): void {
	using mutex = Mutex.open("accounts", { prefix });
	for (let i = 1; i <= 25; i++) {
		using guard = mutex.acquire();
		if (guard.ownerDied) repair(mutex);
		const accounts = read();
		accounts.from--;
		write(accounts);
		// The accident.
		if (accident === "killed" && i === 10) process.kill(process.pid, "SIGKILL");
		accounts.to++;
		write(accounts);
	}
}

async function keepBank(): Promise<void> {
	write({ from: TOTAL, to: 0, repairs: 0 });
	using mutex = Mutex.open("accounts", { prefix });
	const clerks = ["killed", "", ""].map((fate) =>
		Bun.spawn([process.execPath, import.meta.path, "clerk", prefix, fate]),
	);
	const [killed, ...others] = await Promise.all(clerks.map(({ exited }) => exited));
	console.log(`exit codes: ${killed} and ${others}`);
	{
		// In a server: the event loop goes on while this waits.
		using guard = await mutex.acquireAsync();
		// If the killed one was the last.
		if (guard.ownerDied) repair(mutex);
		const { from, to, repairs } = read();
		console.log(`from ${from}, to ${to}, together ${from + to}; repairs: ${repairs}`);
	}
	rmSync(path);
}

if (role === "clerk") transfer();
else await keepBank();
