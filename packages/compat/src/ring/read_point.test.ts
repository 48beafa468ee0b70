/** A sender begins to wait until receivers have read, at any moment of another thread that tells senders of its position. */
import { expect, test } from "bun:test";
import { READ_POINT_WORDS } from "@libipc/protocol";
import { openAsReceiver, openAsSender } from "../sab/open_segment.ts";
import { interrupted } from "../sab/testing/kill.ts";
import { noOptions, PretendProcess } from "../sab/testing/pretend.ts";
import { SegmentReceiver } from "./receiver.ts";
import { SegmentSender } from "./sender.ts";

const UNITS = 200;
const options = { ...noOptions, capacity: 4096, maxReceivers: 4 };
const message = new Uint8Array(8);

function open() {
	const thread = new PretendProcess(UNITS).start();
	const receiver = (): SegmentReceiver => {
		const { segment, at, instance, leave } = openAsReceiver(thread, "channel", "", "name", options, false, false);
		return new SegmentReceiver(segment, at, instance, false, leave);
	};
	const { segment, at, instance, leave } = openAsSender(thread, "channel", "", "name", options);
	return { sender: new SegmentSender(segment, at, instance, leave), first: receiver(), second: receiver() };
}

const send = (sender: SegmentSender): void => expect(sender.send(message, 8, 0)).toBe(0);
const receive = (receiver: SegmentReceiver): void => expect(receiver.recv(message, 0)).toBe(8);

// A receiver in the middle of a run publishes its position only because the flag says so, and then does nothing for a long time.
test("a receiver tells senders of each message from the moment on when one waits", () => {
	/** Before the stores with these numbers the sender begins to wait, and the second receiver reads. Returns how many stores there were. */
	const run = (begin: number, read: number): number => {
		const { sender, first, second } = open();
		const point = new Uint32Array(READ_POINT_WORDS);
		send(sender);
		// A wait that is over has left the flag, which the next receiver clears.
		expect(sender.readPoint(point)).toBe(0);
		sender.endReadWaits();
		let isRead = false;
		const stores = interrupted(
			() => receive(first),
			(store) => {
				if (store === begin) expect(sender.readPoint(point)).toBe(0);
				if (store !== read) return;
				isRead = true;
				send(sender);
				receive(second);
			},
		);
		if (isRead) expect(sender.pollRead(point)).toBe(0);
		return stores;
	};
	const most = run(-1, -1);
	expect(most).toBeGreaterThan(2);
	// A store that follows only if the sender has begun is one more.
	for (let begin = 0; begin < most; begin++) for (let read = begin; read <= most; read++) run(begin, read);
});
