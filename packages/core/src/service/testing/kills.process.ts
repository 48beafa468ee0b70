/**
 * A process of the kill test: `kills server|client PREFIX NAME`. A server logs which calls it runs. A client calls without a pause, checks
 * what comes, and logs how each call ended, until it reads "stop". SIGTERM ends a process in an orderly way, in the middle of its calls.
 */
import { args, say } from "@libipc/testing/program";
import { sleep } from "@libipc/testing/timing";
import { Channel, IpcError, Queue } from "libipc";
import { Service } from "libipc/service";
import type { LogLine } from "./kills.ts";

const [role, prefix = "", name = ""] = args;
const sender = Queue.sender("log", { prefix });
const log = (line: LogLine): void => void sender.send(JSON.stringify(line));

const run = (id: string): void => log({ what: "run", id });

const handlers = {
	once(id: string): string {
		run(id);
		return `${id} done`;
	},
	again(id: string): string {
		run(id);
		return `${id} done`;
	},
	async slow(id: string, ms: number): Promise<string> {
		run(id);
		await sleep(ms);
		return `${id} done`;
	},
	async slowAgain(id: string, ms: number): Promise<string> {
		run(id);
		await sleep(ms);
		return `${id} done`;
	},
	async *items(id: string, count: number): AsyncGenerator<string> {
		run(id);
		for (let i = 0; i < count; i++) {
			if (i % 8 === 0) await sleep(1);
			yield `${id} ${i}`;
		}
	},
	large(id: string, bytes: Uint8Array): Uint8Array {
		run(id);
		return bytes;
	},
};
const idempotent = { again: { idempotent: true }, slowAgain: { idempotent: true } };

/** How many calls a client has at once. */
const LANES = 12;
const LONGEST_MS = 40;

async function callUntilStopped(): Promise<void> {
	// However long the next server takes to start.
	const client = Service.connect<typeof handlers>(name, { prefix, methods: idempotent, waitForServer: true });
	let isStopped = false;
	const stop = Channel.receiver("control", { prefix });
	void stop.recvAsync().then(() => {
		isStopped = true;
	});
	let calls = 0;

	/** Makes a call, and returns what is wrong with its result. */
	async function call(id: string, way: number, ms: number): Promise<string> {
		const expect = (value: string): string => (value === `${id} done` ? "" : `${value} instead of ${id} done`);
		switch (way) {
			case 0:
				return expect(await client.once(id));
			case 1:
				return expect(await client.again(id));
			case 2:
				return expect(await client.slow(id, ms));
			case 3:
				return expect(await client.slowAgain(id, ms));
			case 4: {
				let next = 0;
				for await (const item of client.items(id, 100))
					if (item !== `${id} ${next++}`) return `${item} instead of item ${next - 1}`;
				return next === 100 ? "" : `${next} items instead of 100`;
			}
			default: {
				const { byteLength } = await client.large(id, new Uint8Array(200_000));
				return byteLength === 200_000 ? "" : `${byteLength} bytes came back`;
			}
		}
	}

	async function lane(): Promise<void> {
		while (!isStopped) {
			const id = `${process.pid}:${calls++}`;
			const way = Math.floor(Math.random() * 6);
			const ms = way === 2 || way === 3 ? Math.random() * LONGEST_MS : 0;
			const begun = performance.now();
			let wrong: string;
			let failed = false;
			log({ what: "begun", id });
			try {
				wrong = await call(id, way, ms);
			} catch (error) {
				failed = true;
				const isExpected = error instanceof IpcError && error.code === "ERR_IPC_PEER_DIED" && way !== 1 && way !== 3;
				wrong = isExpected ? "" : `way ${way}: ${String(error)}`;
			}
			log({ what: "ended", id, failed, wrong, mayRepeat: way === 1 || way === 3, ms: performance.now() - begun - ms });
			await sleep(Math.random() * 4);
		}
	}

	await Promise.all(Array.from({ length: LANES }, lane));
	log({ what: "stopped", id: String(process.pid), pending: client.$pending });
	client.$close();
	stop.close();
	sender.close();
}

if (role === "server") {
	// Fewer than the clients call at once: requests wait in the queue, and servers are at their limits.
	Service.serve(name, handlers, { prefix, methods: idempotent, concurrency: 6 });
	process.once("SIGTERM", () => process.exit(0));
	say("ready");
} else {
	say("ready");
	await callUntilStopped();
}
