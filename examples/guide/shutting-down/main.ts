/** One process gets SIGTERM and one is killed; a third one watches: `bun examples/guide/shutting-down/main.ts`. */
import { Channel, clear, list, Queue } from "libipc";

const [role = "watcher", prefix = `guide-${process.pid}`] = process.argv.slice(2);

/** Ends on SIGTERM and leaves nothing behind. */
async function serve(): Promise<void> {
	const ending = new AbortController();
	process.once("SIGTERM", () => ending.abort());
	using _cache = Queue.receiver(`cache-${process.pid}`, { prefix });
	using news = Channel.receiver("news", { prefix });
	try {
		for await (const _ of news.messages({ signal: ending.signal }));
	} catch (error) {
		// The loop rejects with the reason of the abort.
		if (!ending.signal.aborted) throw error;
	}
	// Here `using` closes both receivers.
}

async function watch(): Promise<void> {
	const children = [1, 2].map(() => Bun.spawn([process.execPath, import.meta.path, "server", prefix]));
	const [terminated, killed] = children;
	{
		using news = Channel.sender("news", { prefix });
		let here = 0;
		for await (const { type, role, pid } of news.peers({ signal: AbortSignal.timeout(10_000) })) {
			const who = pid === terminated?.pid ? "the terminated process" : "the killed process";
			if (type !== "joined") console.log(`${who}: its ${role} ${type}`);
			else if (++here === 2) terminated?.kill("SIGTERM");
			if (type === "left") killed?.kill("SIGKILL");
			if (type === "died") break;
		}
	}
	console.log(`exit codes: ${await Promise.all(children.map(({ exited }) => exited))}`);
	// No other process had the queue of the killed one open, so its segment is still there.
	for (const { kind, state } of list({ prefix })) console.log(`left behind: a ${kind}, ${state}`);
	console.log(`cleared: ${clear({ prefix }).length}; left: ${list({ prefix }).length}`);
}

if (role === "server") await serve();
else await watch();
