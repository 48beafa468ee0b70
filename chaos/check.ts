/** What the logs of an experiment must show. */
import type { OperationLog } from "./operation_log.ts";
import type { Plan, Role } from "./plan.ts";
import { senderOf, sequenceOf } from "./topic.ts";

/** One process of a participant, from its start to its end. After a kill, another instance replaces it. */
export interface Instance {
	readonly number: number;
	readonly role: Role;
	readonly log: OperationLog;
	/** Of a sender: the receivers that were ready before it started. They get all of its messages; observers count what they lose. */
	readonly readersBefore: readonly Instance[];
	killed: boolean;
}

/** The first few failures show what is wrong. */
const MAX_FAILURES = 5;

const inRole = (instances: readonly Instance[], role: Role): Instance[] =>
	instances.filter((instance) => instance.role === role);

const show = (entry: number): string => `message ${sequenceOf(entry)} of sender ${senderOf(entry)}`;

/** The first and last message of each sender in a log. Messages out of order, and missing messages, become failures. */
function rangesOf(
	receiver: Instance,
	mayMiss: boolean,
	failures: string[],
): Map<number, { first: number; last: number }> {
	const ranges = new Map<number, { first: number; last: number }>();
	for (const entry of receiver.log.entries()) {
		const sequence = sequenceOf(entry);
		const range = ranges.get(senderOf(entry));
		if (!range) {
			ranges.set(senderOf(entry), { first: sequence, last: sequence });
			continue;
		}
		const isNext = mayMiss ? sequence > range.last : sequence === range.last + 1;
		if (!isNext && failures.length < MAX_FAILURES)
			failures.push(`receiver ${receiver.number}: ${show(entry)} after ${range.last}`);
		range.last = sequence;
	}
	return ranges;
}

/** The number of the first message of each sender. */
function firstOf(entries: Uint32Array): Map<number, number> {
	const first = new Map<number, number>();
	for (const entry of entries) if (!first.has(senderOf(entry))) first.set(senderOf(entry), sequenceOf(entry));
	return first;
}

/**
 * Checks that two receivers got the same messages in the same order while both were open. A receiver that opens while a
 * message is sent in fragments does not get that message, so the messages of each sender count from where both have them.
 */
function checkSameOrder(a: Instance, b: Instance, failures: string[]): void {
	const [firstA, firstB] = [firstOf(a.log.entries()), firstOf(b.log.entries())];
	const bothMustHave = (entry: number): boolean => {
		const sequence = sequenceOf(entry);
		const [one, other] = [firstA.get(senderOf(entry)), firstB.get(senderOf(entry))];
		return one !== undefined && other !== undefined && sequence >= one && sequence >= other;
	};
	const [one, other] = [a.log.entries().filter(bothMustHave), b.log.entries().filter(bothMustHave)];
	const length = Math.min(one.length, other.length);
	for (let i = 0; i < length; i++)
		if (one[i] !== other[i]) {
			failures.push(
				`receivers ${a.number} and ${b.number} differ: ${show(one[i] ?? 0)} and ${show(other[i] ?? 0)} at ${i}`,
			);
			return;
		}
}

/**
 * Checks observers: what each got is in order, and what it got and what it has lost are together what was sent since it was opened. A
 * sender may have been killed after it sent a message, or lent space for one, and before it logged it.
 */
function checkObservers(instances: readonly Instance[], failures: string[]): void {
	const senders = inRole(instances, "sender");
	const accepted = senders.reduce((sum, { log }) => sum + log.length, 0);
	const most = accepted + senders.filter(({ killed }) => killed).length;
	for (const observer of inRole(instances, "observer")) {
		rangesOf(observer, true, failures);
		if (observer.killed || !senders.every(({ readersBefore }) => readersBefore.includes(observer))) continue;
		const { length, lost } = observer.log;
		if (length + lost < accepted || length + lost > most)
			failures.push(
				`observer ${observer.number} got ${length} and lost ${lost} of ${accepted === most ? "" : `${accepted} to `}${most} messages`,
			);
	}
}

/** Checks a route or a channel. */
export function checkMessages(instances: readonly Instance[], overflow: Plan["overflow"]): string[] {
	const failures: string[] = [];
	const mayMiss = overflow === "drop-oldest";
	const receivers = inRole(instances, "receiver");
	checkObservers(instances, failures);
	for (const receiver of receivers) {
		const ranges = rangesOf(receiver, mayMiss, failures);
		if (receiver.killed || mayMiss) continue;
		for (const sender of inRole(instances, "sender")) {
			const range = ranges.get(sender.number);
			const accepted = sender.log.length;
			const got = range ? range.last + 1 : 0;
			// It may have been killed after it sent a message, and before it logged it.
			const most = sender.killed ? accepted + 1 : accepted;
			const sawAll = sender.readersBefore.includes(receiver);
			if ((range || sawAll) && (got < accepted || got > most))
				failures.push(`receiver ${receiver.number} got ${got} of ${accepted} messages of sender ${sender.number}`);
			if (range && sawAll && range.first !== 0)
				failures.push(`receiver ${receiver.number} missed the first ${range.first} of sender ${sender.number}`);
		}
	}
	if (!mayMiss)
		for (const [i, a] of receivers.entries()) for (const b of receivers.slice(i + 1)) checkSameOrder(a, b, failures);
	return failures.slice(0, MAX_FAILURES);
}

/** Checks a queue: each message arrives once, except those (`again`) that a killed receiver had logged and not finished. */
export function checkQueue(instances: readonly Instance[]): { failures: string[]; again: number } {
	const failures: string[] = [];
	const seen = new Map<number, number>();
	const receivers = inRole(instances, "receiver");
	for (const { log } of receivers) for (const entry of log.entries()) seen.set(entry, (seen.get(entry) ?? 0) + 1);
	let again = 0;
	for (const times of seen.values()) again += times - 1;
	const killed = receivers.filter((instance) => instance.killed).length;
	if (again > killed) failures.push(`${again} messages came again, with ${killed} receivers killed`);
	const counts = new Map<number, number>();
	for (const entry of seen.keys()) counts.set(senderOf(entry), (counts.get(senderOf(entry)) ?? 0) + 1);
	for (const sender of inRole(instances, "sender")) {
		const accepted = sender.log.length;
		const got = counts.get(sender.number) ?? 0;
		if (got < accepted || got > (sender.killed ? accepted + 1 : accepted))
			failures.push(`${got} of ${accepted} messages of sender ${sender.number} arrived`);
	}
	return { failures: failures.slice(0, MAX_FAILURES), again };
}

/** Checks a mutex or a reader-writer lock: every change was counted once. */
export function checkLocks(instances: readonly Instance[], [first]: readonly [number, number]): string[] {
	const logged = instances.reduce((sum, { log }) => sum + log.length, 0);
	const killed = instances.filter((instance) => instance.killed).length;
	// Each may have been killed between a change and its entry in the log.
	if (first >= logged && first <= logged + killed) return [];
	return [`${logged} changes were logged, ${killed} users killed, and ${first} changes counted`];
}
