import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Channel, Mutex, Route, SharedMemory } from "./index.ts";
import { usage } from "./sab/reserve.ts";
import { threads } from "./sab/threads.ts";

// Others may be using the machine, too.
setDefaultTimeout(300_000);

/** Runs the garbage collector, and lets its callbacks run, until `isSo`. */
async function collects(isSo: () => boolean, patience = 200): Promise<boolean> {
	for (let i = 0; i < patience && !isSo(); i++) {
		Bun.gc(true);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	return isSo();
}

const used = (): number => usage(threads()).used;

describe("an endpoint or handle that was not closed but collected", () => {
	test("has left its name", async () => {
		const sender = Channel.sender("name");
		(() => void Channel.receiver("name"))();
		expect(sender.receiverCount).toBe(1);
		expect(await collects(() => sender.receiverCount === 0)).toBe(true);
		sender.close();
	});

	test("gives its route and its lock to others, and the next owner of the lock gets ownerDied", async () => {
		(() => void Route.sender("name"))();
		expect(() => Route.sender("name")).toThrow("has a sender already");
		(() => void Mutex.open("name").lock())();
		const mutex = Mutex.open("name");
		expect(mutex.tryLock()).toBe(false);
		expect(
			await collects(() => {
				try {
					Route.sender("name").close();
					return true;
				} catch {
					return false;
				}
			}),
		).toBe(true);
		const guard = mutex.acquire();
		expect(guard.ownerDied).toBe(true);
		guard[Symbol.dispose]();
		mutex.close();
	});

	test("of shared memory: its bytes and words stay until they are collected, too, also after close", async () => {
		const before = used();
		const held: { view?: Int32Array | Uint8Array } = {};
		for (const which of ["words", "bytes"] as const) {
			(() => {
				const memory = SharedMemory.open("name", { size: 4096 });
				held.view = memory[which];
				held.view[0] = 7;
				memory.close();
			})();
			expect(await collects(() => used() === before, 10)).toBe(false);
			const other = SharedMemory.open("name", { size: 4096 });
			other.words.fill(-1);
			expect(held.view?.[0]).toBe(7);
			other.close();
			delete held.view;
			expect(await collects(() => used() === before)).toBe(true);
		}
	});
});
