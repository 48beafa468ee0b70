import { abi, headerWord, Kind, OverflowKind, RecordKind, SLOT_WORDS, Status, slotWord } from "@libipc/protocol";
import { awaitsReading, wantAlways } from "../segment/event.ts";
import { highOf, longOf, lowOf } from "../segment/long.ts";
import { evictDead, isAlive, isJoining, receiverSlotsUsed } from "../segment/slots.ts";
import { announcedOf } from "./overrun.ts";
import { queueGate } from "./queue.ts";
import type { SenderState } from "./sender_state.ts";

/** Whether receivers have read up to a point: `native/src/read_point.c`, which gives the reasons. */
const { head: HEAD, nextInstance: NEXT_INSTANCE, orphaned: ORPHANED, receiverCount: RECEIVER_COUNT } = headerWord;
const { instance: INSTANCE, observer: OBSERVER, position: POSITION } = slotWord;

/** Words of `ipc_read_point`. */
const AT = abi.readPoint.position / 4;
const RECEIVERS = abi.readPoint.receivers / 4;
const READ = abi.readPoint.read / 4;
const LEFT = abi.readPoint.left / 4;
const INSTANCES = abi.readPoint.instances / 4;
const SLOTS = abi.readPoint.slots / 4;
const CHECKED = abi.readPoint.checked / 4;
const UNREAD = abi.readPoint.unread / 4;

/** A look checks for dead receivers at most so often. Milliseconds. */
const CHECK_INTERVAL = 100;
/** At that distance, in units, positions can still be compared in 32 bits. */
const FAR = 2 ** 30;
/** No more endpoints join during {@link readPoint}. */
const MOST_JOINED = 0x10000000;

const nowMs = ({ segment }: SenderState): number => Math.floor(segment.platform.now()) >>> 0;

/** Whether a receiver at a position has something before the point. */
const isBefore = (position: number, point: Uint32Array): boolean => (((point[AT] as number) - position) | 0) > 0;

/** How far senders have gone past the point, in units. */
const distanceFrom = ({ segment }: SenderState, point: Uint32Array): number =>
	Math.max(0, announcedOf(segment) - longOf(point[AT] as number, point[AT + 1] as number));

/** Tells receivers that their positions are waited for: `read_begin`. */
function begin(state: SenderState): void {
	const { segment, slot, instance } = state;
	if (!awaitsReading(segment, slot)) wantAlways(segment, slot, Math.imul(instance, 0x9e3779b1) + ++state.readWaits);
}

/** `ipc_sender_read_point`. */
export function readPoint(state: SenderState, point: Uint32Array): number {
	const { segment, words } = state;
	point.fill(0);
	begin(state); // the flag before head
	const instances = Atomics.load(words, NEXT_INSTANCE);
	const head = Atomics.load(words, HEAD);
	const announced = announcedOf(segment);
	const position = announced + ((head - lowOf(announced)) | 0);
	point[AT] = lowOf(position);
	point[AT + 1] = highOf(position);
	point[INSTANCES] = instances;
	point[CHECKED] = nowMs(state);
	if (segment.kind === Kind.queue) return segment.result(0);
	const slots = receiverSlotsUsed(segment);
	point[SLOTS] = slots;
	for (let index = 0; index < slots; index++) {
		const at = segment.receivers + index * SLOT_WORDS;
		const instance = Atomics.load(words, at + INSTANCE);
		if (instance === 0 || isJoining(segment, at) || words[at + OBSERVER] !== 0) continue;
		// Not those that have joined since head was loaded. Instances are counted modulo 2^31.
		if (((instances - 1 - instance) & 0x7fffffff) >= 0x80000000 - MOST_JOINED) continue;
		point[UNREAD + index] = instance;
		point[RECEIVERS] = (point[RECEIVERS] as number) + 1;
	}
	return segment.result(0);
}

/** `ipc_sender_wait_until_read` with a timeout of 0. */
export function pollRead(state: SenderState, point: Uint32Array): number {
	const { segment, words } = state;
	for (;;) {
		begin(state);
		if (look(state, point)) return segment.result(0);
		if (!evict(state, point)) break;
	}
	const isLost = segment.kind === Kind.queue && words[ORPHANED] !== 0 && words[RECEIVER_COUNT] === 0;
	return segment.result(isLost ? Status.orphaned : Status.timedOut);
}

/** Looks for dead receivers, not more often than {@link CHECK_INTERVAL}. True: there was one. */
function evict(state: SenderState, point: Uint32Array): boolean {
	const now = nowMs(state);
	if ((now - (point[CHECKED] as number)) >>> 0 < CHECK_INTERVAL) return false;
	point[CHECKED] = now;
	return evictDead(state.segment);
}

/** Looks at all that had not read it the last time. True: none is left. */
function look(state: SenderState, point: Uint32Array): boolean {
	const { segment, ring, instance, words } = state;
	const distance = distanceFrom(state, point);
	if (segment.kind === Kind.queue) return distance > FAR || !isBefore(queueGate(segment, ring, instance), point);
	const instances = (point[INSTANCES] as number) | 0;
	point[INSTANCES] = Atomics.load(words, NEXT_INSTANCE);
	let waiting = 0;
	for (let index = 0; index < (point[SLOTS] as number); index++) {
		const expected = point[UNREAD + index] as number;
		if (expected === 0) continue;
		const result = stateOf(state, point, segment.receivers + index * SLOT_WORDS, expected, instances, distance);
		if (result === UNREAD) {
			waiting++;
			continue;
		}
		point[result] = (point[result] as number) + 1;
		point[UNREAD + index] = 0;
	}
	return waiting === 0;
}

/** What the receiver `expected` in a slot has done: READ, LEFT or UNREAD. `instances`: `nextInstance` before it was last seen there. */
function stateOf(
	state: SenderState,
	point: Uint32Array,
	at: number,
	expected: number,
	instances: number,
	distance: number,
): number {
	const { segment, ring, words } = state;
	// The position first: see read_point.c.
	const position = Atomics.load(words, at + POSITION);
	const isTaken = isJoining(segment, at);
	const instance = Atomics.load(words, at + INSTANCE);
	if (instance !== expected) {
		const isItsOwn = instance === 0 && !isTaken && Atomics.load(words, NEXT_INSTANCE) === instances;
		return isItsOwn && distance < FAR && !isBefore(position, point) ? READ : LEFT;
	}
	const isOverwriting = segment.overflow === OverflowKind.dropOldest;
	if (distance > (isOverwriting ? ring.units : FAR) || !isBefore(position, point)) return READ;
	// A ring that is overwritten has no loans.
	if (isOverwriting || !isRestPadding(state, point, position)) return UNREAD;
	const isUnchanged =
		Atomics.load(words, at + POSITION) === position && Atomics.load(words, at + INSTANCE) === expected;
	return isUnchanged ? READ : UNREAD;
}

/** Whether nothing but padding, and loans that were given up, lies between a position and the point. */
function isRestPadding({ segment, ring }: SenderState, point: Uint32Array, from: number): boolean {
	const to = (point[AT] as number) | 0;
	let lender = 0;
	for (let position = from; position !== to; ) {
		const units = ring.read(position, to, true);
		const { kind, length } = ring;
		if (units === 0) return false;
		if (kind === RecordKind.owner) lender = length;
		else if (kind === RecordKind.loan) {
			if (lender === 0 || isAlive(segment, lender)) return false;
		} else if (kind !== RecordKind.padding) return false;
		position = (position + units) | 0;
	}
	return true;
}
