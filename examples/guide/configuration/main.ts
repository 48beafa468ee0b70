/** Settings that each process has at once, however late it starts: `bun examples/guide/configuration/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Latest, list } from "libipc";
import { json } from "libipc/codecs";

const [role = "main", prefix = `guide-${process.pid}`] = process.argv.slice(2);

const LAST = 1000;

interface Settings {
	readonly limit: number;
	readonly visitors: number;
}

/** keep: the settings stay, also while no process has them open. */
const open = () => Latest.open("settings", { prefix, codec: json<Settings>(), keep: true });

/** Sets the first settings, and ends. */
function configure(): void {
	using settings = open();
	settings.set({ limit: 10, visitors: 0 });
}

/** A server that follows the settings. */
async function follow(): Promise<void> {
	using settings = open();
	console.log(`a late joiner has limit ${settings.get()?.limit} at once`);
	let changes = 0;
	let last: Settings | undefined;
	// Begins with the present settings. Changes that come too fast for this loop are passed over, but never the last one.
	for await (const next of settings.changed()) {
		changes++;
		last = next;
		if (next.limit === LAST) break;
		await sleep(1); // a slow reader
	}
	console.log(`it passed over some changes: ${changes < LAST - 10}; the last limit: ${last?.limit}`);
}

/** Changes that depend on the value: no other process sets it in between. */
function count(): void {
	using settings = open();
	for (let visitor = 0; visitor < 1000; visitor++)
		settings.update(({ limit, visitors } = { limit: 10, visitors: 0 }) => ({ limit, visitors: visitors + 1 }));
}

/** Is killed in the middle of a change. */
function crash(): void {
	open().update(() => {
		process.kill(process.pid, "SIGKILL");
		return { limit: -1, visitors: -1 };
	});
}

function start(role: string) {
	const program = [...process.execArgv, import.meta.filename, role, prefix];
	const child = spawn(process.execPath, program, { stdio: ["ignore", "pipe", "inherit"] });
	return { lines: createInterface(child.stdout), ended: once(child, "exit") };
}

async function main(): Promise<void> {
	await start("configure").ended;
	console.log(`no process has it open: ${list({ prefix }).map(({ kind, name }) => `${kind} ${name}`)}`);

	await Promise.all(["count", "count", "count"].map((role) => start(role).ended));
	using settings = open();
	console.log(`visitors: ${settings.get()?.visitors}`);

	const [, signal] = await start("crash").ended;
	console.log(`a process ended with ${signal} during a change; the limit is still ${settings.get()?.limit}`);

	for await (const line of start("follow").lines) {
		console.log(line);
		if (line.startsWith("a late joiner"))
			for (let limit = 11; limit <= LAST; limit++) settings.update((old) => old && { ...old, limit });
	}

	settings.close();
	Latest.clear("settings", { prefix });
	console.log(`cleared: ${list({ prefix }).length} left`);
}

if (role === "configure") configure();
else if (role === "count") count();
else if (role === "crash") crash();
else if (role === "follow") await follow();
else await main();
