/** A thread that is terminated before any of its stores, in any call on a ring: the others go on, and lose nothing. */
import { describe, expect, test } from "bun:test";
import { type EndpointKind, headerWord, OverflowKind, READ_POINT_WORDS, Status, slotWord } from "@libipc/protocol";
import { openAsReceiver, openAsSender } from "../sab/open_segment.ts";
import { killedAt } from "../sab/testing/kill.ts";
import { noOptions, PretendProcess } from "../sab/testing/pretend.ts";
import type { Threads } from "../sab/threads.ts";
import { SegmentReceiver } from "./receiver.ts";
import { SegmentSender } from "./sender.ts";

/** Longer than a call needs that checks liveness at once. Milliseconds. */
const PATIENCE = 1000;
const UNITS = 200;
/** A wait stores the same again and again: so many of its stores are enough. */
const MOST = 100;
const SMALL = { ...noOptions, capacity: 4096, maxReceivers: 4 };

function openSender(thread: Threads, kind: EndpointKind, overflow = 0): SegmentSender {
	const { segment, at, instance, leave } = openAsSender(thread, kind, "", "name", { ...SMALL, overflow });
	return new SegmentSender(segment, at, instance, leave);
}

function openReceiver(
	thread: Threads,
	kind: EndpointKind,
	overflow = 0,
	fromOldest = false,
	lossy = false,
): SegmentReceiver {
	const options = { ...SMALL, overflow };
	const { segment, at, instance, leave } = openAsReceiver(thread, kind, "", "name", options, fromOldest, lossy);
	return new SegmentReceiver(segment, at, instance, fromOldest, leave);
}

/** A message whose every byte says which it is. */
const message = (number: number, length: number): Uint8Array => new Uint8Array(length).fill(number);
const send = (sender: SegmentSender, number: number, length = 40, timeout = PATIENCE): number =>
	sender.send(message(number, length), length, timeout);

const target = new Uint8Array(8192);
const lease = new Uint32Array(3);
const spans = new Uint32Array(64);

/** What there is to receive: the number of each message, in order. Throws if one is not whole. */
function receiveAll(receiver: SegmentReceiver, timeout = 0): number[] {
	const numbers: number[] = [];
	for (;;) {
		const length = receiver.recv(target, timeout);
		if (length === Status.timedOut) return numbers;
		if (length < 0) throw new Error(`recv answered ${length}`);
		const number = target[0] as number;
		for (let i = 1; i < length; i++)
			if (target[i] !== number) throw new Error(`message ${number} is torn at byte ${i}`);
		numbers.push(number);
	}
}

const BEFORE = 1;
const AFTER = 2;
/** The victim's begin here. */
const FIRST = 10;

interface Sending {
	readonly kinds?: readonly EndpointKind[];
	readonly overflow?: number;
	/** What the victim does before it is watched, with the receiver to make room. */
	readonly prepare?: (victim: SegmentSender, receiver: SegmentReceiver) => void;
	/** The victim's calls: it sends FIRST, FIRST + 1 and so on. */
	readonly act: (victim: SegmentSender) => void;
	/** How many it has sent if it was not killed. */
	readonly sends: number;
}

/** Moves the ring's head so near to its end that the next record needs padding. */
function goToTheEnd(victim: SegmentSender, receiver: SegmentReceiver): void {
	for (let i = 0; i < 7; i++) {
		expect(send(victim, 9, 512)).toBe(0);
		receiveAll(receiver);
	}
}

const senders: Record<string, Sending> = {
	"a send": { act: (victim) => void send(victim, FIRST), sends: 1 },
	"a wait until receivers have read": {
		act: (victim) => {
			const point = new Uint32Array(READ_POINT_WORDS);
			victim.readPoint(point);
			send(victim, FIRST);
			victim.pollRead(point);
			victim.endReadWaits();
		},
		sends: 1,
	},
	"a send with padding": { prepare: goToTheEnd, act: (victim) => void send(victim, FIRST, 1000), sends: 1 },
	"sends all round the ring": {
		kinds: ["route", "channel"],
		overflow: OverflowKind.dropOldest,
		act: (victim) => {
			for (let i = 0; i < 12; i++) send(victim, FIRST + i, 500);
		},
		sends: 12,
	},
	"a batch that wraps": {
		prepare: goToTheEnd,
		act: (victim) => {
			for (let i = 0; i < 6; i++) victim.stage(message(FIRST + i, 200), 200);
			victim.flush(0, new Uint32Array(1));
		},
		sends: 6,
	},
	"a loan that is shortened": {
		act: (victim) => {
			const offset = victim.loan(1000, 0);
			victim.ring().fill(FIRST, offset, offset + 10);
			victim.endLoan(offset, 10);
		},
		sends: 1,
	},
	"a loan that is given up": {
		act: (victim) => void victim.endLoan(victim.loan(1000, 0), -1),
		sends: 0,
	},
	fragments: {
		kinds: ["route", "channel"],
		act: (victim) => {
			send(victim, FIRST, 2500, 0);
			send(victim, FIRST + 1);
		},
		sends: 2,
	},
	"fragments that overwrite": {
		kinds: ["route", "channel"],
		overflow: OverflowKind.dropOldest,
		act: (victim) => {
			send(victim, FIRST, 2500, 0);
			send(victim, FIRST + 1);
		},
		sends: 2,
	},
	"a wait for room": {
		kinds: ["route", "channel"],
		prepare: (victim) => {
			while (send(victim, 9, 500, 0) === 0);
		},
		act: (victim) => void send(victim, FIRST, 500, 1),
		sends: 0,
	},
	"a refusal": {
		overflow: OverflowKind.dropNewest,
		prepare: (victim) => {
			while (send(victim, 9, 500, 0) === 0);
		},
		act: (victim) => void send(victim, FIRST, 500, 0),
		sends: 0,
	},
	closing: {
		prepare: (victim) => void send(victim, 9),
		act: (victim) => victim.close(),
		sends: 0,
	},
};

const sendingCases = Object.entries(senders).flatMap(([name, scene]) =>
	(scene.kinds ?? (["route", "channel", "queue"] as const)).map((kind) => [name, kind, scene] as const),
);

describe.each(sendingCases)("a sender killed in %s of a %s", (_, kind, { overflow = 0, prepare, act, sends }) => {
	test("leaves whole messages, and a ring in which others can send", () => {
		let kills = 0;
		for (let at = 0, killed = true; killed && at < MOST; at++) {
			const process = new PretendProcess(UNITS);
			const [victimThread, receiving, other] = [process.start(), process.start(), process.start()];
			const ready = openReceiver(receiving, kind, overflow);
			// Reads nothing before the end: of a ring that is overwritten it has missed some, and counts them.
			const late = overflow === OverflowKind.dropOldest ? openReceiver(receiving, kind, overflow) : undefined;
			const survivor = kind === "route" ? undefined : openSender(other, kind, overflow);
			const victim = openSender(victimThread, kind, overflow);
			expect(send(survivor ?? victim, BEFORE)).toBe(0);
			prepare?.(victim, ready);
			const prepared = receiveAll(ready).length;
			if (prepare !== goToTheEnd && prepare) prepare(victim, ready);

			killed = killedAt(at, () => act(victim));
			if (killed) kills++;
			process.kill(victimThread);

			const seen: number[] = [];
			const sender = survivor ?? openSender(other, kind, overflow);
			// Never refused: there is space once a sender has checked liveness.
			for (let tries = 0; send(sender, AFTER) !== 0; tries++) {
				if (tries > 10) throw new Error("no other sender can send");
				seen.push(...receiveAll(ready));
			}
			// A waiting receiver checks whether a loan's owner is alive.
			seen.push(...receiveAll(ready, 30));
			const own = seen.filter((number) => number >= FIRST);
			// In order and without a gap; of a ring that is overwritten the first ones may be gone.
			const first = overflow === OverflowKind.dropOldest ? (own[0] ?? FIRST) : FIRST;
			expect(own).toEqual(Array.from({ length: own.length }, (_each, i) => first + i));
			if (!killed && overflow !== OverflowKind.dropOldest) expect(own.length).toBe(sends);
			expect(own.length).toBeLessThanOrEqual(Math.max(sends, 1));
			expect(seen.filter((number) => number === AFTER)).toEqual([AFTER]);
			expect(seen[seen.length - 1]).toBe(AFTER);
			if (late) expect(receiveAll(late).length + late.lost()).toBe(prepared + seen.length + ready.lost());
			for (let i = 0; i < 30; i++) {
				expect(send(sender, 100 + i, 500)).toBe(0);
				expect(receiveAll(ready)).toEqual([100 + i]);
			}
		}
		expect(kills).toBeGreaterThan(0);
	});
});

interface Receiving {
	readonly kinds?: readonly EndpointKind[];
	readonly overflow?: number;
	readonly prepare?: (victim: SegmentReceiver, thread: Threads) => void;
	readonly act: (victim: SegmentReceiver, thread: Threads) => void;
	/** Of a queue: whether the first message may be gone with the victim. */
	readonly mayFinish?: boolean;
}

const receivers: Record<string, Receiving> = {
	"a recv": { kinds: ["queue"], act: (victim) => void victim.recv(target, 0), mayFinish: true },
	"a long run": {
		kinds: ["route", "channel"],
		act: (victim) => void receiveAll(victim),
	},
	"a run that is overwritten": {
		kinds: ["route", "channel"],
		overflow: OverflowKind.dropOldest,
		act: (victim) => void receiveAll(victim),
	},
	"a drain": {
		kinds: ["route", "channel"],
		act: (victim) => void victim.consume(victim.peek(spans, 3, target, 0)),
	},
	"a wait": {
		act: (victim) => {
			receiveAll(victim, 1);
		},
		mayFinish: true,
	},
	"opening and closing": {
		act: (_victim, thread) => openReceiver(thread, "channel").close(),
		kinds: ["channel"],
	},
	"opening at the oldest": {
		act: (_victim, thread) => void openReceiver(thread, "channel", 0, true),
		kinds: ["channel"],
	},
	"a take": { kinds: ["queue"], act: (victim) => void victim.take(lease, 0) },
	"a take that is done": {
		kinds: ["queue"],
		prepare: (victim) => void victim.take(lease, 0),
		act: (victim) => void victim.done(lease[0] as number),
		mayFinish: true,
	},
	"a take that is put back": {
		kinds: ["queue"],
		prepare: (victim) => void victim.take(lease, 0),
		act: (victim) => void victim.retry(lease[0] as number, 0),
	},
	"closing with a lease": {
		kinds: ["queue"],
		prepare: (victim) => void victim.take(lease, 0),
		act: (victim) => victim.close(),
	},
	closing: { act: (victim) => victim.close() },
};

const receivingCases = Object.entries(receivers).flatMap(([name, scene]) =>
	(scene.kinds ?? (["route", "channel", "queue"] as const)).map((kind) => [name, kind, scene] as const),
);

describe.each(receivingCases)("a receiver killed in %s of a %s", (name, kind, scene) => {
	test("costs the others no message, and no room", () => {
		const { overflow = 0, prepare, act, mayFinish = false } = scene;
		let kills = 0;
		for (let at = 0, killed = true; killed && at < MOST; at++) {
			const process = new PretendProcess(UNITS);
			const [victimThread, receiving, sending] = [process.start(), process.start(), process.start()];
			const victim = openReceiver(victimThread, kind, overflow);
			const survivor = openReceiver(receiving, kind, overflow);
			const sender = openSender(sending, kind, overflow);
			const all = [20, 21, 22, 23, 24, 25];
			for (const number of all) expect(send(sender, number, 300)).toBe(0);
			prepare?.(victim, victimThread);

			killed = killedAt(at, () => act(victim, victimThread));
			if (killed) kills++;
			process.kill(victimThread);

			const seen = receiveAll(survivor, kind === "queue" ? 30 : 0).sort();
			if (kind !== "queue") expect(seen).toEqual(all);
			else if (name !== "a wait") {
				// Each once; but the one that the victim had finished.
				const expected = mayFinish && seen.length < all.length ? all.slice(1) : all;
				expect(seen).toEqual(expected);
			} else expect(seen).toEqual(all.slice(all.length - seen.length));
			for (let i = 0; i < 30; i++) {
				expect(send(sender, 100 + i, 500)).toBe(0);
				expect(receiveAll(survivor)).toEqual([100 + i]);
			}
			expect(survivor.lost()).toBe(0);
		}
		expect(kills).toBeGreaterThan(0);
	});
});

/** What a sender does, how many messages it is, and how many of them may be missing after a kill. */
const counted: Record<string, (victim: SegmentSender) => void> = {
	"a send": (victim) => void send(victim, FIRST),
	"a send of fragments": (victim) => void send(victim, FIRST, 3000),
	"a loan": (victim) => void victim.endLoan(victim.loan(40, 0), 20),
	"a cancelled loan": (victim) => void victim.endLoan(victim.loan(40, 0), -1),
};

describe.each(Object.entries(counted))("a sender killed in %s", (_name, act) => {
	test.each(["route", "channel"] as const)("of a %s leaves observers with a right count", (kind) => {
		let kills = 0;
		for (let at = 0, killed = true; killed && at < MOST; at++) {
			const process = new PretendProcess(UNITS);
			const [victimThread, receiving, sending, joining] = [0, 1, 2, 3].map(() => process.start()) as [
				Threads,
				Threads,
				Threads,
				Threads,
			];
			const ordinary = openReceiver(receiving, kind);
			const observer = openReceiver(receiving, kind, 0, false, true);
			const victim = openSender(victimThread, kind);
			for (let i = 0; i < 5; i++) expect(send(victim, BEFORE)).toBe(0);

			killed = killedAt(at, () => act(victim));
			if (killed) kills++;
			const joiner = openReceiver(joining, kind, 0, false, true);
			process.kill(victimThread);

			const sender = openSender(sending, kind);
			expect(send(sender, AFTER)).toBe(0);
			const seen = receiveAll(ordinary, 30);
			const late = seen.indexOf(AFTER);
			expect(seen.filter((each) => each === BEFORE)).toHaveLength(5);
			// Several rings, which observers do not read. Ordinary receivers get all of it.
			let sent = seen.length;
			for (let i = 0; i < 60; i++, sent++) {
				expect(send(sender, 100 + i, 500)).toBe(0);
				expect(receiveAll(ordinary)).toEqual([100 + i]);
			}
			const last = receiveAll(observer);
			const cancelled = (observer.lost() + last.length - sent) | 0;
			// A loan that was made and then cancelled, or left behind, counts.
			expect([0, _name.includes("loan") ? 1 : 0]).toContain(cancelled);
			const lastOfJoiner = receiveAll(joiner);
			expect([lastOfJoiner.length + joiner.lost(), lastOfJoiner.length + joiner.lost() - cancelled]).toContain(
				sent - late,
			);
		}
		expect(kills).toBeGreaterThan(0);
	});
});

describe("a count of receivers that a killed thread has left too low", () => {
	const { gatedCount, receiverCount } = headerWord;
	const open = () => {
		const thread = new PretendProcess(UNITS).start();
		const { segment, at, instance, leave } = openAsSender(thread, "channel", "", "name", SMALL);
		const receiver = openReceiver(thread, "channel");
		const sender = new SegmentSender(segment, at, instance, leave);
		return { words: segment.words, sender, receiver, held: segment.receivers + slotWord.held };
	};

	test("refuses no send", () => {
		const { words, sender, receiver } = open();
		for (const length of [40, 3000]) {
			words[receiverCount] = 0;
			expect(send(sender, BEFORE, length, 0)).toBe(0);
			expect(sender.receiverCount()).toBe(1);
			expect(receiveAll(receiver)).toEqual([BEFORE]);
		}
		receiver.close();
		for (const length of [40, 3000]) expect(send(sender, BEFORE, length, 0)).toBe(Status.noReceivers);
	});

	// A sender that counted it would send what lies before its position, and the receiver would never get it.
	test("does not include a receiver whose position is not final yet", () => {
		const { words, sender, receiver, held } = open();
		words[held] = -1;
		words[receiverCount] = words[gatedCount] = 0;
		expect(send(sender, BEFORE, 40, 0)).toBe(Status.noReceivers);
		expect(sender.waitForReceivers(1, 0)).toBe(Status.timedOut);
		words[held] = 0;
		expect(send(sender, BEFORE, 40, 0)).toBe(0);
		expect(receiveAll(receiver)).toEqual([BEFORE]);
	});

	test("ends with the next slice of a wait for receivers", () => {
		const { words, sender } = open();
		words[receiverCount] = words[gatedCount] = 0;
		expect(sender.waitForReceivers(1, -1)).toBe(0);
	});
});
