/** Three processes that hear the same news, and one of them fetches it: `bun examples/guide/broadcast-and-web-locks/main.ts`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createWeb } from "libipc/web";

const [role = "main", prefix = `guide-${process.pid}`] = process.argv.slice(2);
// Without a prefix: import { BroadcastChannel, locks } from "libipc/web";
const { BroadcastChannel, locks, close } = createWeb({ prefix });
const news = new BroadcastChannel("news");

/** All ask for the lock, and the one that gets it fetches the news until it is killed. */
function work(): void {
	let heard = 0;
	const begun = new Promise((resolve) => {
		news.onmessage = ({ data }) => {
			if (data === "begin") resolve(data);
			if (data instanceof Date) heard++;
			if (data !== "end") return;
			news.postMessage({ heard });
			close(); // without the channel and the request for the lock, nothing keeps this process alive
		};
	});
	const fetching = locks.request("fetcher", async () => {
		await begun;
		for (let day = 1; day <= 3; day++) news.postMessage(new Date(2026, 0, day));
		await new Promise(() => {}); // it stays the one that fetches
	});
	fetching.catch(() => {}); // the AbortError of close()
}

/** The next messages that pass a test. */
function hear<Data>(count: number, isWanted: (data: unknown) => data is Data): Promise<Data[]> {
	const heard: Data[] = [];
	return new Promise((resolve) => {
		news.onmessage = ({ data }) => {
			if (isWanted(data) && heard.push(data) === count) resolve(heard);
		};
	});
}

const isNews = (data: unknown): data is Date => data instanceof Date;
const isCount = (data: unknown): data is { heard: number } => data instanceof Object && "heard" in data;

/** Waits until so many requests wait for a lock. */
async function pending(count: number): Promise<void> {
	while ((await locks.query()).pending.length !== count) await sleep(10);
}

async function main(): Promise<void> {
	const start = (): ChildProcess =>
		spawn(process.execPath, [...process.execArgv, import.meta.filename, "worker", prefix], { stdio: "inherit" });
	const workers = [start(), start(), start()];
	await pending(2);
	const first = hear(3, isNews);
	news.postMessage("begin");
	await first;
	const [fetcher] = (await locks.query()).held;
	console.log(`one of three has the lock "${fetcher?.name}", and has sent three news`);

	const second = hear(3, isNews);
	const pid = Number(fetcher?.clientId.split(".")[0]);
	process.kill(pid, "SIGKILL");
	await Promise.all([second, pending(1)]);
	console.log("it was killed: another one has the lock, and has sent three news");

	const counts = hear(2, isCount);
	news.postMessage("end");
	const heard = (await counts).map((count) => count.heard);
	console.log(`the second has heard ${Math.min(...heard)} news of others, the third ${Math.max(...heard)}`);
	await Promise.all(workers.map(async (each) => each.exitCode ?? each.signalCode ?? (await once(each, "exit"))));
	const { held, pending: waiting } = await locks.query();
	console.log(`held now: ${held.length}, waiting: ${waiting.length}`);
	close();
}

if (role === "worker") work();
else await main();
