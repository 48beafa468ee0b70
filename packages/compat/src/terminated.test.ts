import { expect, test } from "bun:test";
import { Worker } from "node:worker_threads";
import { RECOVERY_MS } from "@libipc/testing/timing";
import { offerHub } from "./sab/hub.ts";
import { FIRST_UNIT, UNIT_BYTES } from "./sab/hub_layout.ts";
import { openAsHandle, openAsSender } from "./sab/open_segment.ts";
import { freeLeftovers, usage } from "./sab/reserve.ts";
import { noOptions } from "./sab/testing/pretend.ts";
import { threads } from "./sab/threads.ts";

offerHub();

interface Opener {
	readonly worker: Worker;
	readonly count: Int32Array;
}

function startOpener(seed: number): Opener {
	const count = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(new URL("sab/testing/opener.worker.ts", import.meta.url), { workerData: { seed, count } });
	return { worker, count };
}

/** Until it has opened so many more. */
async function opens({ worker, count }: Opener, more: number): Promise<void> {
	const failed = new Promise<never>((_resolve, reject) => worker.once("error", reject));
	for (const until = Atomics.load(count, 0) + more; ; ) {
		const now = Atomics.load(count, 0);
		if (now >= until) return;
		const changed = Atomics.waitAsync(count, 0, now);
		if (changed.async) await Promise.race([changed.value, failed]);
	}
}

const DEATHS = 25;

test("threads terminated while they open and close names block no other thread, and their memory comes back", async () => {
	const here = threads();
	const other = startOpener(1);
	// A timer, for a promise of Atomics.waitAsync keeps nothing alive.
	const alive = setInterval(() => {}, 1000);
	let longest = 0;
	for (let death = 0; death < DEATHS; death++) {
		const victim = startOpener(1000 + death);
		await opens(victim, 1 + (death % 7));
		await victim.worker.terminate();
		const start = performance.now();
		openAsSender(here, "channel", "", "name 0", { ...noOptions, maxReceivers: 8, capacity: 4096 }).leave();
		openAsHandle(here, "mutex", "", "name 1", { ...noOptions, maxReceivers: 8 }).leave();
		longest = Math.max(longest, performance.now() - start);
	}
	expect(longest).toBeLessThan(RECOVERY_MS);
	await opens(other, 10);
	await other.worker.terminate();
	clearInterval(alive);
	expect(here.lockNames(1000)).toBe(true);
	freeLeftovers(here);
	here.unlockNames();
	expect(usage(here).used).toBe(FIRST_UNIT * UNIT_BYTES);
}, 300_000);
