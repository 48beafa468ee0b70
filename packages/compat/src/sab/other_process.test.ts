import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Worker } from "node:worker_threads";
import * as core from "@libipc/core";
import * as compat from "../index.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

const prefix = `elsewhere${process.pid}`;

afterEach(() => {
	core.Channel.clear("name", { prefix });
	core.SharedMemory.clear("name", { prefix });
});

function errorOf(action: () => { close(): void }): compat.IpcError | undefined {
	try {
		action().close();
		return undefined;
	} catch (error) {
		return error as compat.IpcError;
	}
}

describe.if(process.platform === "linux")("a name that lives in another process", () => {
	test("is refused, and the error says what would make it work", () => {
		const sender = core.Channel.sender("name", { prefix });
		for (const open of [
			() => compat.Channel.sender("name", { prefix }),
			() => compat.Channel.receiver("name", { prefix, capacity: 8192 }),
		]) {
			const error = errorOf(open);
			expect(error?.code).toBe("ERR_IPC_ENGINE");
			expect(error?.endpoint).toBe("name");
			expect(error?.message).toContain(`channel "name" (prefix "${prefix}") is open in process ${process.pid}`);
			expect(error?.message).toContain("@libipc/core");
		}
		// Another prefix, another kind: other names.
		expect(errorOf(() => compat.Channel.sender("name"))).toBeUndefined();
		expect(errorOf(() => compat.Queue.sender("name", { prefix }))).toBeUndefined();
		sender.close();
		expect(errorOf(() => compat.Channel.sender("name", { prefix }))).toBeUndefined();
	});

	test("is not reported as missing either", () => {
		const open = () => compat.SharedMemory.open("name", { prefix, mode: "open" });
		expect(errorOf(open)?.code).toBe("ERR_IPC_NOT_FOUND");
		const memory = core.SharedMemory.open("name", { prefix, size: 100 });
		expect(errorOf(open)?.code).toBe("ERR_IPC_ENGINE");
		memory.close();
		expect(errorOf(open)?.code).toBe("ERR_IPC_NOT_FOUND");
	});

	test("can be used again when that process is dead, although its file still exists", async () => {
		const program = `
			import { Channel } from "@libipc/core";
			globalThis.sender = Channel.sender("name", { prefix: ${JSON.stringify(prefix)} });
			console.log("open");
			setInterval(() => {}, 1000);`;
		const child = spawn(process.execPath, ["-e", program], {
			cwd: import.meta.dir,
			stdio: ["ignore", "pipe", "inherit"],
		});
		await once(child.stdout, "data");
		const error = errorOf(() => compat.Channel.sender("name", { prefix }));
		expect(error?.code).toBe("ERR_IPC_ENGINE");
		expect(error?.message).toContain(`process ${child.pid}`);
		child.kill("SIGKILL");
		await once(child, "exit");
		expect(existsSync(`/dev/shm/libipc.channel.${prefix.length}.${prefix}.name`)).toBe(true);
		expect(errorOf(() => compat.Channel.sender("name", { prefix }))).toBeUndefined();
	});
});

test("a Worker that does not have the hub gets an error that says what to write where", async () => {
	// Its main thread has imported nothing, so it must be a separate process.
	const program = `
		import { Worker } from "node:worker_threads";
		const worker = new Worker(new URL("testing/opens.worker.ts", ${JSON.stringify(import.meta.url)}));
		worker.on("message", (message) => console.log(message));`;
	const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
	const [output] = (await once(child.stdout, "data")) as [Buffer];
	expect(String(output)).toMatch(
		/^ERR_IPC_ENGINE: .*import "@libipc\/compat".* in the main thread, before it creates Workers/,
	);
	await once(child, "exit");
});

test("a Worker with the hub opens names, and so does a Worker of a Worker", async () => {
	for (const levels of [1, 2]) {
		const worker = new Worker(new URL("testing/opens.worker.ts", import.meta.url), { workerData: { levels } });
		expect(await once(worker, "message")).toEqual(["opened"]);
		await worker.terminate();
	}
});
