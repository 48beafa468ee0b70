import { expect, test } from "bun:test";
import { MAX_THREADS } from "./hub_layout.ts";
import { UNITS } from "./testing/open_segments.ts";
import { codeOf, PretendProcess } from "./testing/pretend.ts";

test("a thousand threads have slots, and new threads get the slots of dead ones", () => {
	const process = new PretendProcess(UNITS);
	const all = Array.from({ length: MAX_THREADS }, () => process.start());
	expect(new Set(all.map(({ slot }) => slot)).size).toBe(MAX_THREADS);
	expect(codeOf(() => process.start())).toBe("ERR_IPC_NO_SPACE");
	const dead = all.splice(500, 2);
	dead[0]?.lockNames(0);
	for (const thread of dead) process.kill(thread);
	const others = [process.start(), process.start()];
	expect(others.map(({ slot }) => slot)).toEqual(dead.map(({ slot }) => slot));
	// The slot of the thread that holds the lock belongs to another thread now, so the lock has no owner.
	expect(all[0]?.lockNames(10_000)).toBe(true);
	expect(others[0]?.lockNames(0)).toBe(false);
	all[0]?.unlockNames();
	expect(codeOf(() => process.start())).toBe("ERR_IPC_NO_SPACE");
});
