/** What the journals of a round must say. */
import type { Journal } from "./journal.ts";
import type { Plan, Role } from "./plan.ts";
import { lifeOf, sequenceOf } from "./topic.ts";

/** A participant, from its start to its end, or to its death. */
export interface Life {
	readonly number: number;
	readonly role: Role;
	readonly journal: Journal;
	/** Of a sender: the receivers that were ready before it was started. They get all of it. */
	readonly readersBefore: readonly Life[];
	killed: boolean;
}

/** The first few are enough to see what is wrong. */
const MOST_FAILURES = 5;

const inRole = (lives: readonly Life[], role: Role): Life[] => lives.filter((life) => life.role === role);

const show = (entry: number): string => `message ${sequenceOf(entry)} of life ${lifeOf(entry)}`;

/** First and last message of each sender in a journal; complains of what is not in order, or missing in between. */
function runsOf(life: Life, mayMiss: boolean, failures: string[]): Map<number, { first: number; last: number }> {
	const runs = new Map<number, { first: number; last: number }>();
	for (const entry of life.journal.entries()) {
		const sequence = sequenceOf(entry);
		const run = runs.get(lifeOf(entry));
		if (!run) {
			runs.set(lifeOf(entry), { first: sequence, last: sequence });
			continue;
		}
		const isNext = mayMiss ? sequence > run.last : sequence === run.last + 1;
		if (!isNext && failures.length < MOST_FAILURES)
			failures.push(`receiver ${life.number}: ${show(entry)} after ${run.last}`);
		run.last = sequence;
	}
	return runs;
}

/** The first message of each sender that somebody has. */
function firstOf(entries: Uint32Array): Map<number, number> {
	const first = new Map<number, number>();
	for (const entry of entries) if (!first.has(lifeOf(entry))) first.set(lifeOf(entry), sequenceOf(entry));
	return first;
}

/**
 * Whether two receivers saw the same messages in the same order, as long as both were there. Of a message in fragments
 * that was under way when the later one came, that one sees nothing: each sender's messages count from where both have them.
 */
function checkSameOrder(a: Life, b: Life, failures: string[]): void {
	const [firstA, firstB] = [firstOf(a.journal.entries()), firstOf(b.journal.entries())];
	const haveBoth = (entry: number): boolean => {
		const sequence = sequenceOf(entry);
		const [one, other] = [firstA.get(lifeOf(entry)), firstB.get(lifeOf(entry))];
		return one !== undefined && other !== undefined && sequence >= one && sequence >= other;
	};
	const [one, other] = [a.journal.entries().filter(haveBoth), b.journal.entries().filter(haveBoth)];
	const length = Math.min(one.length, other.length);
	for (let i = 0; i < length; i++)
		if (one[i] !== other[i]) {
			failures.push(`receivers ${a.number} and ${b.number}: ${show(one[i] ?? 0)} here, ${show(other[i] ?? 0)} there`);
			return;
		}
}

/** Of a route or a channel. */
export function checkMessages(lives: readonly Life[], overflow: Plan["overflow"]): string[] {
	const failures: string[] = [];
	const mayMiss = overflow === "drop-oldest";
	const receivers = inRole(lives, "receiver");
	for (const receiver of receivers) {
		const runs = runsOf(receiver, mayMiss, failures);
		if (receiver.killed || mayMiss) continue;
		for (const sender of inRole(lives, "sender")) {
			const run = runs.get(sender.number);
			const accepted = sender.journal.length;
			const got = run ? run.last + 1 : 0;
			// Killed after a message was sent, and before it was noted.
			const most = sender.killed ? accepted + 1 : accepted;
			const sawAll = sender.readersBefore.includes(receiver);
			if ((run || sawAll) && (got < accepted || got > most))
				failures.push(`receiver ${receiver.number} got ${got} of ${accepted} messages of life ${sender.number}`);
			if (run && sawAll && run.first !== 0)
				failures.push(`receiver ${receiver.number} missed the first ${run.first} of life ${sender.number}`);
		}
	}
	if (!mayMiss)
		for (const [i, a] of receivers.entries()) for (const b of receivers.slice(i + 1)) checkSameOrder(a, b, failures);
	return failures.slice(0, MOST_FAILURES);
}

/** Of a queue: each message once, but for those (`again`) that a killed receiver had noted and not done. */
export function checkQueue(lives: readonly Life[]): { failures: string[]; again: number } {
	const failures: string[] = [];
	const seen = new Map<number, number>();
	const receivers = inRole(lives, "receiver");
	for (const { journal } of receivers)
		for (const entry of journal.entries()) seen.set(entry, (seen.get(entry) ?? 0) + 1);
	let again = 0;
	for (const times of seen.values()) again += times - 1;
	const killed = receivers.filter((life) => life.killed).length;
	if (again > killed) failures.push(`${again} messages came again, with ${killed} receivers killed`);
	const counts = new Map<number, number>();
	for (const entry of seen.keys()) counts.set(lifeOf(entry), (counts.get(lifeOf(entry)) ?? 0) + 1);
	for (const sender of inRole(lives, "sender")) {
		const accepted = sender.journal.length;
		const got = counts.get(sender.number) ?? 0;
		if (got < accepted || got > (sender.killed ? accepted + 1 : accepted))
			failures.push(`${got} of ${accepted} messages of life ${sender.number} arrived`);
	}
	return { failures: failures.slice(0, MOST_FAILURES), again };
}

/** Of a mutex or a reader-writer lock: every change was counted, once. */
export function checkLocks(lives: readonly Life[], [first]: readonly [number, number]): string[] {
	const noted = lives.reduce((sum, { journal }) => sum + journal.length, 0);
	const killed = lives.filter((life) => life.killed).length;
	// Killed between a change and its note.
	if (first >= noted && first <= noted + killed) return [];
	return [`${noted} changes were noted, ${killed} users killed, and there are ${first}`];
}
