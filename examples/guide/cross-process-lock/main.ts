/** Three processes change a file; one of them is killed half-way: `bun examples/guide/cross-process-lock/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { Mutex } from "libipc";

const [role = "bank", prefix = `guide-${process.pid}`, failure] = process.argv.slice(2);
const path = `${tmpdir()}/${prefix}.json`;
const TOTAL = 1000;

interface Accounts {
	from: number;
	to: number;
	repairs: number;
}

const read = (): Accounts => JSON.parse(readFileSync(path, "utf8"));

/** Replaces the file completely or not at all, also if this process is killed. */
function write(accounts: Accounts): void {
	writeFileSync(`${path}.new`, JSON.stringify(accounts));
	renameSync(`${path}.new`, path);
}

/** Gives back the money that the killed process took and did not transfer. */
function repair(mutex: Mutex): void {
	const accounts = read();
	const missing = TOTAL - accounts.from - accounts.to;
	if (missing !== 0 && missing !== 1) {
		// No transfer leaves this state. From now on every lock call gets ERR_IPC_UNUSABLE.
		mutex.markUnusable();
		throw new Error(`${missing} are missing in ${path}: correct the file, then clear the mutex`);
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
		// The failure: this process is killed between its two writes.
		if (failure === "killed" && i === 10) process.kill(process.pid, "SIGKILL");
		accounts.to++;
		write(accounts);
	}
}

async function keepBank(): Promise<void> {
	write({ from: TOTAL, to: 0, repairs: 0 });
	using mutex = Mutex.open("accounts", { prefix });
	const clerks = ["killed", "", ""].map((failure) => {
		const clerk = [...process.execArgv, import.meta.filename, "clerk", prefix, failure];
		return once(spawn(process.execPath, clerk, { stdio: "inherit" }), "exit");
	});
	const exits = await Promise.all(clerks);
	console.log(`exits: ${exits.map(([code, signal]) => code ?? signal).join(", ")}`);
	{
		// The form for a server: the event loop runs while this waits.
		using guard = await mutex.acquireAsync();
		// True if no other process has locked since the kill.
		if (guard.ownerDied) repair(mutex);
		const { from, to, repairs } = read();
		console.log(`from ${from}, to ${to}, together ${from + to}; repairs: ${repairs}`);
	}
	rmSync(path);
}

if (role === "clerk") transfer();
else await keepBank();
