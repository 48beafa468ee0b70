import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { offerHub } from "./hub.ts";
import { threads } from "./threads.ts";
import { ThreadWaker } from "./waker.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

offerHub();
const here = threads();

/** A waker, and when it was signalled next. */
function newWaker(): { waker: ThreadWaker; signalled(): Promise<void>; count(): number } {
	let count = 0;
	let tell = (): void => {};
	const waker = new ThreadWaker(here, () => {
		count++;
		tell();
	});
	return {
		waker,
		signalled: () =>
			new Promise((resolve) => {
				tell = resolve;
			}),
		count: () => count,
	};
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a waker", () => {
	test("is signalled by this thread and by others", async () => {
		const { waker, signalled, count } = newWaker();
		waker.keepAlive(true);
		let next = signalled();
		here.signal(waker.low, waker.high);
		await next;
		expect(count()).toBe(1);
		next = signalled();
		const signaller = new Worker(new URL("testing/signaller.worker.ts", import.meta.url), {
			workerData: { low: waker.low, high: waker.high, rings: 1 },
		});
		await next;
		await signaller.terminate();
		waker.close();
	});

	test("loses no signal that comes while an earlier one is handled", async () => {
		const signaller = new Worker(new URL("testing/signaller.worker.ts", import.meta.url), {
			workerData: { low: here.slot, high: here.instance, rings: 20_000 },
		});
		const exited = once(signaller, "exit");
		let count = 0;
		await new Promise<void>((resolve) => {
			// Were one lost that it rings itself, this would end: only those of the Worker, which are soon over, would still come.
			const waker = new ThreadWaker(here, () => {
				if (++count < 25_000) return here.signal(waker.low, waker.high);
				waker.close();
				resolve();
			});
			waker.keepAlive(true);
			here.signal(waker.low, waker.high);
		});
		await exited;
	});

	test("lets timers run, however often it is signalled", async () => {
		let timer = false;
		const { waker } = newWaker();
		const busy = new ThreadWaker(here, () => here.signal(waker.low, waker.high));
		here.signal(waker.low, waker.high);
		await new Promise<void>((resolve) => {
			setTimeout(() => {
				timer = true;
				resolve();
			}, 5);
		});
		expect(timer).toBe(true);
		busy.close();
		waker.close();
	});

	test("gets no signal after it is closed, but other wakers of the thread do", async () => {
		const first = newWaker();
		const second = newWaker();
		second.waker.keepAlive(true);
		first.waker.close();
		first.waker.close();
		const next = second.signalled();
		here.signal(first.waker.low, first.waker.high);
		await next;
		await turn();
		expect(first.count()).toBe(0);
		second.waker.close();
	});

	test("that does not exist can be signalled, without any effect", () => {
		const before = new Int32Array(here.hub.words);
		for (const [low, high] of [
			[0, 0],
			[here.slot + 1, here.instance],
			[here.slot, here.instance + 1],
			[here.slot + 32, here.instance],
			[-32, here.instance],
			[2 ** 31 - 1, 1],
		] as const)
			here.signal(low, high);
		expect(here.hub.words).toEqual(before);
	});

	test.each([
		[true, "signalled\n"],
		[false, ""],
	])("keeps the process alive: %p", async (keeps, output) => {
		const program = `
			import { offerHub } from "./hub.ts";
			import { threads } from "./threads.ts";
			import { ThreadWaker } from "./waker.ts";
			offerHub();
			const here = threads();
			const waker = new ThreadWaker(here, () => {
				console.log("signalled");
				waker.close();
			});
			waker.keepAlive(true);
			waker.keepAlive(${keeps});
			// A timer that would keep no thread alive.
			setTimeout(() => here.signal(waker.low, waker.high), 20).unref();`;
		const child = spawn(process.execPath, ["-e", program], {
			cwd: import.meta.dir,
			stdio: ["ignore", "pipe", "inherit"],
		});
		let printed = "";
		child.stdout.on("data", (chunk) => {
			printed += chunk;
		});
		expect(await once(child, "close")).toEqual([0, null]);
		expect(printed).toBe(output);
	});
});
