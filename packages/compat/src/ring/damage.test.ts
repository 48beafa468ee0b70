/** Whatever a stranger writes into shared memory: calls answer a status, within a while, and throw nothing. */
import { expect, test } from "bun:test";
import {
	type EndpointKind,
	HEADER_BYTES,
	header,
	headerWord,
	OverflowKind,
	READ_POINT_WORDS,
	SLOT_BYTES,
} from "@libipc/protocol";
import { openAsReceiver, openAsSender } from "../sab/open_segment.ts";
import { noOptions, PretendProcess } from "../sab/testing/pretend.ts";
import type { Segment } from "../segment/segment.ts";
import { SegmentReceiver } from "./receiver.ts";
import { SegmentSender } from "./sender.ts";

/** How long a call may take if its lock names an owner that never releases it, on a busy machine. Milliseconds. */
const LONGEST = 12_000;
const CAPACITY = 4096;

/** Numbers from 0 to below an end, the same for the same seed. */
function randomOf(seed: number): (end: number) => number {
	let state = (Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b) | 1;
	return (end) => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) % end;
	};
}

const values = [0, 1, 2, 3, 4, 5, 8, 24, 511, 512, 4095, 4096, 0x7fffffff, -1, -2, -8, -2147483648];

/** The words that matter most. */
const fields = [
	...Object.values(header).filter((offset) => offset >= header.head),
	header.head + 4,
	header.announced + 4,
	header.markCount + 4,
];

/** The word of the header of a record, some way on from the first receiver's position. */
function recordWord({ words, receivers, body }: Segment, random: (end: number) => number): number {
	let position = words[receivers] as number;
	for (let steps = random(8); steps > 0; steps--) {
		const length = words[(body >> 2) + ((position * 2) & (CAPACITY / 4 - 1))] as number;
		position += (Math.min(Math.max(length, 0), CAPACITY) + 15) >> 3;
	}
	return (body >> 2) + ((position * 2) & (CAPACITY / 4 - 1));
}

function damage(segment: Segment, random: (end: number) => number): void {
	const { words } = segment;
	const value = (): number => {
		const way = random(4);
		if (way === 0) return values[random(values.length)] as number;
		if (way === 1) return random(0xffffffff) | 0;
		// Near to what is there, or to head.
		const near = words[(way === 2 ? header.head : header.tail) >> 2] as number;
		return near + random(64) - 32;
	};
	for (let count = 1 + random(4); count > 0; count--) {
		const where = random(8);
		if (where < 2) words[(fields[random(fields.length)] as number) >> 2] = value();
		else if (where < 3) words[(HEADER_BYTES + random(4 * SLOT_BYTES)) >> 2] = value();
		else if (where < 4) words[headerWord.marks + random(128)] = value();
		else if (where < 5) words[(segment.body + random(CAPACITY)) >> 2] = value();
		else if (where < 7) words[recordWord(segment, random)] = random(2) === 0 ? random(CAPACITY) : value();
		else words[recordWord(segment, random) + 1] = random(7);
	}
	// Marked orphaned or truncated, nothing is done any more.
	if (random(8) !== 0) words[headerWord.orphaned] = 0;
}

const kinds: [EndpointKind, number][] = [
	["route", OverflowKind.block],
	["channel", OverflowKind.block],
	["channel", OverflowKind.dropNewest],
	["channel", OverflowKind.dropOldest],
	["queue", OverflowKind.block],
];
const rounds = Number(process.env.LIBIPC_DAMAGE_ROUNDS ?? 250);

test.each(kinds)(
	"a damaged %s (overflow %d) answers",
	(kind, overflow) => {
		const answers = new Map<number, number>();
		for (let seed = 1; seed <= rounds; seed++) {
			const random = randomOf(seed);
			const thread = new PretendProcess(200).start();
			const options = { ...noOptions, capacity: CAPACITY, maxReceivers: 4, overflow, firstPosition: -random(1000) };
			const join = (fromOldest: boolean): SegmentReceiver => {
				const { segment, at, instance, leave } = openAsReceiver(thread, kind, "", "name", options, fromOldest);
				return new SegmentReceiver(segment, at, instance, fromOldest, leave);
			};
			const receiver = join(false);
			const { segment, at, instance, leave } = openAsSender(thread, kind, "", "name", options);
			const sender = new SegmentSender(segment, at, instance, leave);
			const bytes = new Uint8Array(6000);
			const target = new Uint8Array(6000);
			const spans = new Uint32Array(128);
			const lease = new Uint32Array(3);
			const progress = new Uint32Array(1);
			const point = new Uint32Array(READ_POINT_WORDS);
			const loans: number[] = [];
			const leases: number[] = [];
			const calls: Record<string, () => number | unknown> = {
				send: () => sender.send(bytes, random(600), random(2)),
				large: () => sender.send(bytes, kind === "queue" ? 2000 : 3000 + random(3000), 0),
				part: () => (kind === "queue" ? 0 : sender.sendPart(bytes, 6000, progress)),
				giveUp: () => {
					sender.abortPart();
					progress[0] = 0;
				},
				batch: () => {
					for (let i = random(6); i >= 0; i--) sender.stage(bytes, random(500));
					return sender.flush(0, progress.slice());
				},
				read: () => {
					const status = sender.readPoint(point);
					if (status < 0) return status;
					const answer = sender.pollRead(point);
					if (random(2)) sender.endReadWaits();
					return answer;
				},
				loan: () => {
					const offset = sender.loan(random(300), 0);
					if (offset >= 0) loans.push(offset);
					return Math.min(offset, 0);
				},
				endLoan: () => sender.endLoan(loans.pop() ?? 8 * random(600), random(200) - 1),
				recv: () => receiver.recv(target, random(2)),
				recvFew: () => receiver.recv(target, 0, random(100)),
				nextLength: () => receiver.nextLength(),
				keep: () => receiver.takeAssembled()?.length ?? 0,
				drain: () => {
					const count = receiver.peek(spans, 1 + random(60), target, 0);
					for (let i = 0; i < count; i++)
						if ((spans[2 * i] as number) + (spans[2 * i + 1] as number) > CAPACITY) throw new Error("past the end");
					return count > 0 ? receiver.consume(1 + random(count)) : count;
				},
				take: () => {
					const status = receiver.take(lease, random(2));
					if (status === 0) {
						leases.push(lease[0] as number);
						if ((lease[0] as number) + (lease[1] as number) > CAPACITY) throw new Error("past the end");
					}
					return status;
				},
				done: () => receiver.done(leases.pop() ?? 8 * random(600)),
				retry: () => receiver.retry(leases.pop() ?? 8 * random(600), random(2) * random(20)),
				oldest: () => {
					try {
						const late = join(true);
						late.recv(target, 0);
						late.close();
					} catch (error) {
						// No place: the count was damaged.
						if (!(error instanceof Error && "code" in error)) throw error;
					}
				},
				counts: () => sender.receiverCount() + sender.waitForReceivers(random(5), 0) * 0,
				armed: () => sender.armed() + receiver.armed() + sender.peers(spans) * 0 + receiver.peers(spans) * 0,
			};
			const all = Object.entries(calls);
			for (let step = 0; step < 40; step++) {
				if (random(10) === 0) damage(segment, random);
				const [name, call] = all[random(all.length)] as (typeof all)[number];
				const started = performance.now();
				let answer: unknown;
				try {
					answer = call();
				} catch (error) {
					throw new Error(`seed ${seed}, step ${step}: ${name} threw`, { cause: error });
				}
				const took = performance.now() - started;
				if (took > LONGEST) throw new Error(`seed ${seed}, step ${step}: ${name} took ${took} ms`);
				if (typeof answer === "number") answers.set(Math.min(answer, 0), (answers.get(Math.min(answer, 0)) ?? 0) + 1);
			}
		}
		// It is damage that was met, and not that only.
		expect(answers.get(-20) ?? 0).toBeGreaterThan(rounds);
		expect(answers.get(0) ?? 0).toBeGreaterThan(rounds);
	},
	300_000,
);
