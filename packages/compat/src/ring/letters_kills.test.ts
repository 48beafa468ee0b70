/** A thread that is terminated before any of its stores while it moves a message to another queue, or delays it: it is there once. */
import { describe, expect, test } from "bun:test";
import { Status } from "@libipc/protocol";
import { openAsReceiver, openAsSender } from "../sab/open_segment.ts";
import { killedAt } from "../sab/testing/kill.ts";
import { noOptions, PretendProcess, passTime } from "../sab/testing/pretend.ts";
import type { Threads } from "../sab/threads.ts";
import { SegmentReceiver } from "./receiver.ts";
import { SegmentSender } from "./sender.ts";

const UNITS = 200;
const MOST = 100;
const SMALL = { ...noOptions, capacity: 4096, maxReceivers: 4 };
/** A message of a killed thread waits so long until it is put back, and a delayed one until its time. Milliseconds. */
const PATIENCE = 40;

function openSender(thread: Threads, name: string): SegmentSender {
	const { segment, at, instance, leave } = openAsSender(thread, "queue", "", name, SMALL);
	return new SegmentSender(segment, at, instance, leave);
}

function openReceiver(thread: Threads, name: string, maxAttempts = 0): SegmentReceiver {
	const options = { ...SMALL, maxAttempts, deadLetter: maxAttempts > 0 ? "dead" : "" };
	const { segment, at, instance, leave } = openAsReceiver(thread, "queue", "", name, options, false);
	return new SegmentReceiver(segment, at, instance, false, leave, {
		name,
		open: (other, mode, capacity, stamp) =>
			openAsSender(thread, "queue", "", other, { ...SMALL, capacity, mode, stamp }),
	});
}

const target = new Uint8Array(8192);
const lease = new Uint32Array(3);

function receiveAll(receiver: SegmentReceiver, timeout = PATIENCE): number[] {
	const numbers: number[] = [];
	for (;;) {
		const length = receiver.recv(target, timeout);
		if (length === Status.timedOut) return numbers;
		if (length !== 40) throw new Error(`recv answered ${length}`);
		numbers.push(target[0] as number);
	}
}

interface Scene {
	readonly prepare?: (jobs: SegmentReceiver, dead: SegmentReceiver) => void;
	readonly act: (jobs: SegmentReceiver, dead: SegmentReceiver) => void;
	/** How many messages may be in the dead-letter queue at the end, at least and at most. */
	readonly dead: readonly [number, number];
}

const NO_REASON = new Uint8Array();

function take(receiver: SegmentReceiver): number {
	if (receiver.take(lease, 0) !== 0) throw new Error("nothing to take");
	return lease[0] as number;
}

function rejectOne(jobs: SegmentReceiver): void {
	if (jobs.reject(take(jobs), NO_REASON) !== 0) throw new Error("not rejected");
}

const scenes: Record<string, Scene> = {
	"a take of a message over its limit": {
		prepare: (jobs) => {
			for (let i = 0; i < 2; i++) jobs.retry(take(jobs), 0);
		},
		act: (jobs) => void jobs.take(lease, 0),
		dead: [1, 1],
	},
	"a reject": {
		prepare: (jobs) => void take(jobs),
		act: (jobs) => void jobs.reject(lease[0] as number, NO_REASON),
		dead: [0, 1],
	},
	"a redrive": {
		prepare: (jobs, dead) => {
			rejectOne(jobs);
			take(dead);
		},
		act: (_jobs, dead) => void dead.redrive(lease[0] as number),
		dead: [0, 1],
	},
	"a delayed retry": {
		prepare: (jobs) => void take(jobs),
		act: (jobs) => void jobs.retry(lease[0] as number, 10),
		dead: [0, 0],
	},
	"a take of a message whose time has come": {
		prepare: (jobs) => {
			jobs.retry(take(jobs), 1);
			passTime(3);
		},
		act: (jobs) => void jobs.take(lease, 0),
		dead: [0, 1],
	},
};

describe.each(Object.entries(scenes))("a receiver killed in %s", (_name, { prepare, act, dead: [least, most] }) => {
	test("leaves each message in one queue, once", () => {
		let kills = 0;
		for (let at = 0, killed = true; killed && at < MOST; at++) {
			const process = new PretendProcess(UNITS);
			const [victimThread, thread] = [process.start(), process.start()];
			const jobs = openReceiver(thread, "jobs", 2);
			const dead = openReceiver(thread, "dead");
			const ofVictim = { jobs: openReceiver(victimThread, "jobs"), dead: openReceiver(victimThread, "dead") };
			const sender = openSender(thread, "jobs");
			for (const number of [20, 21, 22]) expect(sender.send(new Uint8Array(40).fill(number), 40, 1000)).toBe(0);
			prepare?.(ofVictim.jobs, ofVictim.dead);

			killed = killedAt(at, () => act(ofVictim.jobs, ofVictim.dead));
			if (killed) kills++;
			process.kill(victimThread);

			const done = receiveAll(jobs);
			const letters = receiveAll(dead);
			expect([...done, ...letters, ...receiveAll(jobs, 0)].sort()).toEqual([20, 21, 22]);
			expect(letters.length).toBeGreaterThanOrEqual(least);
			expect(letters.length).toBeLessThanOrEqual(most);
			// The ring of the dead-letter queue goes round: nothing in it is stuck.
			for (let i = 0; i < 20; i++) {
				expect(sender.send(new Uint8Array(40).fill(i), 40, 1000)).toBe(0);
				rejectOne(jobs);
				expect(dead.recv(target, 1000)).toBe(40);
				expect(target[0]).toBe(i);
			}
		}
		expect(kills).toBeGreaterThan(3);
	}, 60_000);
});
