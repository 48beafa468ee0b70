/** Three processes send their results to a collector: `bun examples/guide/collect-from-workers/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Channel } from "libipc";

const [role = "collector", prefix = `guide-${process.pid}`, id = ""] = process.argv.slice(2);

function work(): void {
	using results = Channel.sender("results", { prefix });
	for (let i = 1; i <= 1000; i++) {
		// false: the collector has ended, so the worker ends too.
		if (!results.send(`${id} ${i}`)) process.exit(1);
	}
	results.send(`${id} done`);
}

async function collect(): Promise<void> {
	// Opened before the workers start, so it gets every message.
	using results = Channel.receiver("results", { prefix });
	const failed = new AbortController();
	const workers = ["a", "b", "c"].map((worker) => {
		const program = [...process.execArgv, import.meta.filename, "worker", prefix, worker];
		const child = spawn(process.execPath, program, { stdio: "inherit" });
		child.once("exit", (code, signal) => {
			if (code !== 0) failed.abort(new Error(`worker ${worker} ended with ${code ?? signal} before it was done`));
		});
		return once(child, "exit");
	});
	const decoder = new TextDecoder();
	const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
	let working = workers.length;
	for await (const message of results.messages({ signal: failed.signal })) {
		const [worker = "", result] = decoder.decode(message).split(" ");
		if (result !== "done") {
			// The messages of one sender arrive in order. Those of others may come in between.
			const count = (counts[worker] ?? 0) + 1;
			if (Number(result) !== count) throw new Error(`${result} of worker ${worker} arrived as number ${count}`);
			counts[worker] = count;
		} else if (--working === 0) break;
	}
	for (const [worker, count] of Object.entries(counts)) console.log(`${worker}: ${count} results, in order`);
	await Promise.all(workers);
}

if (role === "worker") work();
else await collect();
