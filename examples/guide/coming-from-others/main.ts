/** What ZeroMQ, `Bun.spawn` with ipc and redis do, with libipc: `bun examples/guide/coming-from-others/main.ts`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { defineChannel, defineQueue, listen } from "libipc";
import { json } from "libipc/codecs";
import { Service } from "libipc/service";

const [role = "parent", prefix = `guide-${process.pid}`] = process.argv.slice(2);

interface News {
	readonly text: string;
}
interface Task {
	readonly id: number;
}

/** PUB and SUB, or publish and subscribe: every receiver gets every message. */
const news = defineChannel("news", { prefix, codec: json<News>() });
/** PUSH and PULL, or RPUSH and BLPOP: one receiver gets each message. */
const tasks = defineQueue("tasks", { prefix, codec: json<Task>() });
/** REQ and REP. */
const methods = { double: (n: number) => 2 * n };
/** `process.send` of a child, and `process.on("message")` of its parent. */
const toParent = defineChannel("to-parent", { prefix, codec: json<string>() });

async function child(): Promise<void> {
	using parent = toParent.sender();
	using heard = news.receiver();
	using work = tasks.receiver();
	using calculator = Service.connect<typeof methods>("calculator", { prefix, timeout: 5000 });
	const ids: number[] = [];
	const working = listen(work, ({ id }) => {
		if (ids.push(id) === 2) working.stop();
	});
	await working.ended;
	parent.send(`tasks ${ids}`);
	parent.send(`2 * 21 = ${await calculator.double(21)}`);
	for await (const { text } of heard) {
		parent.send(`news: ${text}`);
		break;
	}
	await parent.flush({ timeout: 5000 });
}

async function parent(): Promise<void> {
	using fromChild = toParent.receiver();
	using server = Service.serve("calculator", methods, { prefix });
	using work = tasks.sender();
	using publisher = news.sender();
	work.sendBatch([{ id: 1 }, { id: 2 }]); // the queue keeps them until a receiver comes
	const exited = once(spawn(process.execPath, [...process.execArgv, import.meta.filename, "child", prefix]), "exit");
	// A subscriber that joins late misses what was published before, as in ZeroMQ. libipc can wait for it.
	await publisher.receiversReady(1, { timeout: 10_000 });
	publisher.send({ text: "it works" });
	for await (const message of fromChild) {
		console.log(message);
		if (message.startsWith("news")) break;
	}
	const [code] = await exited;
	console.log(`the child ended with ${code}`);
	await server.shutdown();
}

if (role === "child") await child();
else await parent();
