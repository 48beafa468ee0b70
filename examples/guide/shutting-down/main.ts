/** Two processes get SIGTERM and one is killed; a fourth one watches: `bun examples/guide/shutting-down/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { Channel, clear, list, Queue } from "libipc";

const [role = "watcher", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** Ends on SIGTERM and leaves nothing behind. */
async function serve(): Promise<void> {
	const ending = new AbortController();
	process.once("SIGTERM", () => ending.abort());
	const cache = Queue.receiver(`cache-${process.pid}`, { prefix });
	const news = Channel.receiver("news", { prefix });
	try {
		for await (const _ of news.messages({ signal: ending.signal }));
	} catch (error) {
		// The loop rejects with the reason of the abort.
		if (!ending.signal.aborted) throw error;
	} finally {
		news.close();
		cache.close();
	}
}

/** The same with blocking calls: JavaScript runs the handler only in `await turn()`. */
async function serveBlocking(): Promise<void> {
	let isOver = false;
	process.once("SIGTERM", () => {
		isOver = true;
	});
	const news = Channel.receiver("news", { prefix });
	while (!isOver) {
		// Ends when messages have arrived, when SIGTERM arrives during the call, or after half a second.
		news.drain((_view) => {}, { timeout: 500, max: 1000 });
		await turn();
	}
	news.close();
}

async function watch(): Promise<void> {
	const names = new Map<number | undefined, string>();
	const start = (role: string, name: string) => {
		const child = spawn(process.execPath, [...process.execArgv, import.meta.filename, role, prefix], {
			stdio: "inherit",
		});
		names.set(child.pid, name);
		return { child, ended: once(child, "exit") };
	};
	const news = Channel.sender("news", { prefix });
	const children = [
		start("asynchronous", "the asynchronous server"),
		start("blocking", "the blocking server"),
		start("asynchronous", "the killed server"),
	];
	const [asynchronous, blocking, killed] = children.map(({ child }) => child);
	const steps = [() => blocking?.kill("SIGTERM"), () => killed?.kill("SIGKILL")];
	let joined = 0;
	for await (const { type, role, pid } of news.peers({ signal: AbortSignal.timeout(10_000) })) {
		if (type === "joined") {
			if (++joined === children.length) asynchronous?.kill("SIGTERM");
			continue;
		}
		console.log(`${names.get(pid)}: its ${role} ${type}`);
		steps.shift()?.();
		if (type === "died") break;
	}
	news.close();
	const exits = await Promise.all(children.map(({ ended }) => ended));
	console.log(`exits: ${exits.map(([code, signal]) => code ?? signal).join(", ")}`);
	// No other process had the queue of the killed one open, so its segment is still there.
	for (const { kind, state } of list({ prefix })) console.log(`left behind: a ${kind}, ${state}`);
	console.log(`cleared: ${clear({ prefix }).length}; left: ${list({ prefix }).length}`);
}

if (role === "asynchronous") await serve();
else if (role === "blocking") await serveBlocking();
else await watch();
