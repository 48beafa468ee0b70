/** Waits of a receiver learn whether to pause before they sleep. */
import { expect, spyOn, test } from "bun:test";
import { Status } from "@libipc/protocol";
import { openAsReceiver, openAsSender } from "../sab/open_segment.ts";
import { noOptions, PretendProcess } from "../sab/testing/pretend.ts";
import { SleepHistory } from "../segment/sleep_history.ts";
import { Found, ReceiverState } from "./receiver_state.ts";
import { waitForData } from "./receiver_wait.ts";
import { SegmentSender } from "./sender.ts";

const options = { ...noOptions, capacity: 4096, maxReceivers: 4 };

test("waits without a message pause in one of eight, until a message ends a pause", () => {
	const thread = new PretendProcess(200).start();
	const { segment, at, instance } = openAsReceiver(thread, "channel", "", "name", options, false, false);
	const opened = openAsSender(thread, "channel", "", "name", options);
	const sender = new SegmentSender(opened.segment, opened.at, opened.instance, opened.leave);
	const state = new ReceiverState(segment, at, instance);
	using records = spyOn(SleepHistory.prototype, "record");
	const wait = (): number => waitForData(state, new Found(), 1);
	const paused: number[] = [];
	for (let i = 1; i <= 24; i++) {
		const before = records.mock.calls.length;
		expect(wait()).toBe(Status.timedOut);
		if (records.mock.calls.length > before) paused.push(i);
	}
	expect(paused).toEqual([1, 2, 4, 8, 16, 24]);
	expect(records.mock.calls).toEqual(paused.map(() => [true]));
	// Of eight waits that find a message, the first that pauses ends this.
	expect(sender.send(new Uint8Array(8), 8, 0)).toBe(0);
	for (let i = 0; i < 8; i++) expect(wait()).toBe(0);
	expect(records.mock.calls[paused.length]).toEqual([false]);
});
