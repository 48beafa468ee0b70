/** A program tells its workers to read the configuration again, and to stop: `bun examples/guide/wake-processes/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { SharedMemory, Signal } from "libipc";

const [role = "main", prefix = `guide-${process.pid}`, text = ""] = process.argv.slice(2);
const number = Number(text);

/** The ids. Each worker has a separate one to say that it is ready: two notifications of one id may become one. */
const [RELOAD, STOP, READY] = [0, 1, 8];
/** Words of the configuration: its version, and from SEEN on the last version that each worker has used. */
const [VERSION, SEEN] = [0, 1];

const openSignal = () => Signal.open("control", { prefix });
const openConfig = () => SharedMemory.open("config", { prefix, size: 64 });

function handle(id: number, words: Int32Array): boolean {
	// What the main program stored before it notified is visible here.
	if (id === RELOAD || id === STOP) Atomics.store(words, SEEN + number, Atomics.load(words, VERSION));
	return id !== STOP;
}

async function workInEventLoop(): Promise<void> {
	using signal = openSignal();
	using config = openConfig();
	signal.notify(READY + number);
	for await (const id of signal) if (!handle(id, config.words)) break;
}

function workInThread(): void {
	using signal = openSignal();
	using config = openConfig();
	signal.notify(READY + number);
	while (handle(signal.wait(), config.words));
}

async function main(): Promise<void> {
	using signal = openSignal();
	using config = openConfig();
	const workers = ["loop", "thread", "loop"].map((role, number) => {
		const worker = [...process.execArgv, import.meta.filename, role, prefix, String(number)];
		return spawn(process.execPath, worker, { stdio: "inherit" });
	});
	const exits = workers.map((worker) => once(worker, "exit"));
	const ready = new Set<number>();
	for await (const id of signal) if (ready.add(id).size === workers.length) break;

	for (let version = 1; version <= 1000; version++) {
		Atomics.store(config.words, VERSION, version);
		signal.notify(RELOAD); // never waits, also if a worker is slow or stopped
	}
	console.log(`workers notified: ${signal.notify(RELOAD)}`);

	// The failure: one of them is killed. It counts until another handle has noticed that.
	workers[2]?.kill("SIGKILL");
	await exits[2];
	while (signal.notify(RELOAD) > 2) await sleep(10);
	console.log(`workers notified after a kill: ${signal.notify(RELOAD)}`);

	signal.notify(STOP);
	await Promise.all(exits);
	for (const worker of [0, 1]) console.log(`worker ${worker} has used version ${config.words[SEEN + worker]}`);
}

if (role === "loop") await workInEventLoop();
else if (role === "thread") workInThread();
else await main();
