/** What a Node process sees of the memory that C has mapped: `node.child.ts PROGRAM PREFIX`. Prints JSON. With --expose-gc. */
import { readdirSync, truncateSync, unlinkSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { mappedSegments } from "@libipc/testing/segment_files";
import { Channel, engine, IpcError, list, Mutex, Queue, Route, SharedMemory } from "../index.ts";

const [program = "", prefix = ""] = process.argv.slice(2);
const options = { prefix, capacity: 1 << 16 };
const collectGarbage = (globalThis as { gc?: () => void }).gc ?? (() => {});

const nameOf = (action: () => unknown): string => {
	try {
		action();
		return "nothing thrown";
	} catch (error) {
		return error instanceof IpcError ? error.code : (error as Error).name;
	}
};

/** Finalizers run when the event loop turns. */
async function until(condition: () => boolean): Promise<boolean> {
	for (let i = 0; i < 2000 && !condition(); i++) {
		collectGarbage();
		await sleep(10);
	}
	return condition();
}

function useAndForget(): void {
	for (let i = 0; i < 20; i++) {
		const sender = Channel.sender(`used${i}`, options);
		const receiver = Channel.receiver(`used${i}`, options);
		sender.send("x");
		receiver.drain((view) => view.byteLength);
		const memory = SharedMemory.open(`used${i}`, { prefix, size: 4096 });
		memory.words[0] = 1;
		sender.close();
		receiver.close();
		memory.close();
	}
}

/** A view into a ring that was closed since, and what it showed before. */
function keepView(text: string): { kept: Uint8Array[]; before: string } {
	const sender = Channel.sender("views", options);
	const receiver = Channel.receiver("views", options);
	sender.send(text);
	const kept: Uint8Array[] = [];
	receiver.drain((view) => kept.push(view));
	const before = new TextDecoder().decode(kept[0]?.slice());
	sender.close();
	receiver.close();
	return { kept, before };
}

const pathOf = (name: string): string => list({ prefix }).find((each) => each.name === name)?.path ?? "";

const programs: Record<string, () => unknown> = {
	async "views outlive their endpoint"() {
		const { kept, before } = keepView("here");
		const isMapped = mappedSegments() > 0;
		const buffer = kept[0]?.buffer as ArrayBuffer;
		const moved = [nameOf(() => structuredClone(buffer, { transfer: [buffer] })), nameOf(() => buffer.transfer())];
		collectGarbage();
		await sleep(50);
		collectGarbage();
		const after = kept[0]?.join();
		kept[0]?.fill(7);
		return { moved, isMapped, before, after, written: kept[0]?.join() };
	},

	async "mappings of what was closed are released"() {
		useAndForget();
		const before = mappedSegments();
		return { wereMapped: before > 0, released: await until(() => mappedSegments() === 0) };
	},

	async "what was forgotten leaves"() {
		const sender = Channel.sender("forgotten", options);
		const forget = (): void => {
			for (let i = 0; i < 5; i++) Channel.receiver("forgotten", options);
		};
		forget();
		const before = sender.receiverCount;
		return { before, left: await until(() => sender.receiverCount === 0) };
	},

	"a truncated file"() {
		const codes: string[] = [];
		for (const bytes of [0, 4096]) {
			const sender = Channel.sender("truncated", options);
			const receiver = Channel.receiver("truncated", options);
			sender.send("x");
			truncateSync(pathOf("truncated"), bytes);
			codes.push(
				nameOf(() => sender.send("y".repeat(9000), { timeout: 3000 })),
				nameOf(() => receiver.recv({ timeout: 3000 })),
			);
			sender.close();
			receiver.close();
			Channel.clear("truncated", { prefix });
		}
		return codes;
	},

	async "a deleted file"() {
		const receiver = Channel.receiver("deleted", options);
		const sender = Channel.sender("deleted", options);
		unlinkSync(pathOf("deleted"));
		const sync = nameOf(() => receiver.recv({ timeout: 10_000 }));
		return [sync, await receiver.recvAsync().catch((error: IpcError) => error.code), nameOf(() => sender.send("x"))];
	},

	"every kind is in a file"() {
		const opened = [Route.sender("a", options), Queue.receiver("b", options), Mutex.open("c", { prefix })];
		const files = readdirSync("/dev/shm").filter((file) => file.includes(`.${prefix}.`));
		for (const each of opened) each.close();
		return files.length;
	},

	async "a Worker chooses as the main thread has"() {
		const engine = `import(${JSON.stringify(new URL("../index.ts", import.meta.url))}).then((libipc) => {
			const listed = libipc.list({ prefix: ${JSON.stringify(prefix)} }).map(({ path }) => path !== "");
			require("node:worker_threads").parentPort.postMessage(listed);
		})`;
		const sender = Channel.sender("seen", options);
		const worker = new Worker(engine, { eval: true, env: {} });
		const seen = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
		sender.close();
		return seen;
	},

	/** Node closes the library at the end of each Worker, because the main thread has not loaded it. */
	async "Workers that end take their endpoints with them"() {
		const opener = `import(${JSON.stringify(new URL("../index.ts", import.meta.url))}).then(({ Channel }) => {
			globalThis.receiver = Channel.receiver("worker", ${JSON.stringify(options)});
			setInterval(() => {}, 1000);
			require("node:worker_threads").parentPort.postMessage("open");
		})`;
		for (let i = 0; i < 2; i++) {
			const worker = new Worker(opener, { eval: true });
			await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
			await worker.terminate();
		}
		const sender = Channel.sender("worker", options);
		const left = await until(() => sender.receiverCount === 0);
		sender.close();
		return left;
	},

	/** Each is terminated at another moment, from before the load of the addon to after the open. */
	async "Workers are terminated while they load the addon"() {
		const opener = `import(${JSON.stringify(new URL("../index.ts", import.meta.url))}).then(({ Channel }) => {
			require("node:worker_threads").parentPort.postMessage("loads");
			globalThis.receiver = Channel.receiver("loading", ${JSON.stringify(options)});
			setInterval(() => {}, 1000);
		})`;
		for (let i = 0; i < 6; i++) {
			const worker = new Worker(opener, { eval: true });
			await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
			const moment = performance.now() + i;
			while (performance.now() < moment);
			await worker.terminate();
		}
		const sender = Channel.sender("loading", options);
		const left = await until(() => sender.receiverCount === 0);
		sender.close();
		return [left, mappedSegments()];
	},

	/** The first opens of the process are those of Workers. */
	async "what engine() says, here and in Workers that open names"() {
		const opener = `import(${JSON.stringify(new URL("../index.ts", import.meta.url))}).then(({ Channel, engine }) => {
			Channel.receiver("worker", ${JSON.stringify(options)}).close();
			require("node:worker_threads").parentPort.postMessage(engine());
		})`;
		const workers = Array.from({ length: 3 }, () => new Worker(opener, { eval: true }));
		const told = await Promise.all(
			workers.map((worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject))),
		);
		Channel.receiver("worker", options).close();
		return [...told, engine()];
	},

	/** The event loop never turns after the open. */
	"opens and exits"() {
		Channel.sender("opened", options).close();
		writeSync(1, "true");
		process.exit(0);
	},

	opens() {
		try {
			Channel.sender("opened", options).close();
			return { code: "opened", isFile: false };
		} catch (error) {
			return { code: (error as IpcError).code, text: (error as IpcError).message };
		}
	},
};

console.log(JSON.stringify(await programs[program]?.()));
