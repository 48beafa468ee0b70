/** When frames are sent, and for how long slow receivers are waited for: a fake sender has a clock that only its waits move. */
import { afterEach, expect, mock, spyOn, test } from "bun:test";
import type { Sender } from "../endpoint/types.ts";
import { BroadcastOutbox } from "./broadcast_outbox.ts";

/** Receivers of which `unread` have not read at the end of each wait; the last entry counts for all later ones. */
function outbox(share: number, unread: readonly number[]) {
	const sent: number[] = [];
	const waits: number[] = [];
	let emptied = 0;
	let now = 0;
	spyOn(performance, "now").mockImplementation(() => now);
	const sender = {
		trySend: (frame: Uint8Array) => sent.push(frame[0] as number) > 0,
		async flush({ timeout }: { timeout: number }) {
			const left = unread[Math.min(waits.length, unread.length - 1)] as number;
			waits.push(timeout);
			if (left > 0) now += timeout;
			return { unread: left };
		},
	};
	const box = new BroadcastOutbox(sender as unknown as Sender, share, {
		failed: (error) => expect.unreachable(String(error)),
		emptied: () => emptied++,
	});
	return { box, sent, waits, emptied: () => emptied };
}

const frames = (count: number): Uint8Array[] =>
	Array.from({ length: count }, (_, i) => new Uint8Array(50).fill(i % 256));

async function sendAll({ box, emptied }: ReturnType<typeof outbox>, count: number): Promise<void> {
	const before = emptied();
	box.add(frames(count));
	while (emptied() === before) await Promise.resolve();
	expect([box.byteLength, box.isEmpty]).toEqual([0, true]);
}

afterEach(() => mock.restore());

test("a share is sent at a time, and then all receivers must have read it", async () => {
	const it = outbox(100, [0]);
	await sendAll(it, 6);
	expect([it.sent, it.waits]).toEqual([
		[0, 1, 2, 3, 4, 5],
		[1000, 1000],
	]);
});

test("a receiver that does not read is waited for once, until it has caught up", async () => {
	const it = outbox(100, [1, 1, 1, 1, 0, 1, 1]);
	await sendAll(it, 4); // a second, and a last look
	expect(it.waits).toEqual([1000, 0]);
	await sendAll(it, 4); // one look for each share: it is the one that is slow
	expect(it.waits).toEqual([1000, 0, 5, 5]);
	await sendAll(it, 2); // it has caught up
	await sendAll(it, 2); // and is slow again
	expect(it.waits).toEqual([1000, 0, 5, 5, 5, 1000, 0]);
});

test("frames keep their order, however many wait", async () => {
	const it = outbox(100, [0]);
	await sendAll(it, 5000);
	expect(it.sent).toEqual(Array.from({ length: 5000 }, (_, i) => i % 256));
});
