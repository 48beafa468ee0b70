/**
 * One instance of a participant: `participant.process.ts <prefix> <seed> <participant>`. It may be killed at any moment, or
 * replaced by the next instance, in the same process. When it finds a failure it prints it on its standard error and ends with status 1.
 */
import { Mutex, Queue, type QueueReceiver, type Receiver, RwLock, Semaphore, type Sender } from "@libipc/core";
import { HEADER, readMessage, writeMessage } from "../soak/message.ts";
import { ControlBlock } from "./control_block.ts";
import { execOnSignal } from "./exec_on_signal.ts";
import { OperationLog } from "./operation_log.ts";
import { makePlan, randomFrom } from "./plan.ts";
import { DEAD_LETTERS, entryOf, MAX_MESSAGES, NAME, PERMITS, senderOf, sequenceOf, topicOf } from "./topic.ts";

const [prefix = "", seed = "0", participant = "0"] = process.argv.slice(2);
const plan = makePlan(Number(seed));
using control = new ControlBlock(prefix);
const me = control.instanceOf(Number(participant));
const random = randomFrom(Number(seed) * 1000 + me);
using log = new OperationLog(prefix, me);
const hasObservers = plan.roles.includes("observer");
/** What takes so long never ends: a killed receiver is noticed within a second, and a stopped one goes on within a second. */
const FLUSH_LIMIT_MS = 40_000;
execOnSignal();
log.setReplaceable();

async function send(): Promise<void> {
	using sender: Sender = topicOf(plan, prefix).sender();
	log.setReady();
	const readers = plan.flushes && plan.overflow !== "drop-oldest" ? watchedReceivers() : [];
	const out = new Uint8Array(plan.largest + HEADER);
	let sequence = 0;
	while (control.phase === "working" && sequence < MAX_MESSAGES) {
		const isFlushed = plan.flushes && random(64) === 0;
		const ready = isFlushed ? readers.filter((reader) => reader.begin()) : [];
		let accepted = 0;
		for (let left = isFlushed ? 2 : 1; left > 0; left--) {
			const most = random(20) === 0 ? plan.largest : Math.min(plan.largest, 600);
			const message = writeMessage(out, { task: me, instance: 0, sequence }, HEADER + random(most - HEADER + 1));
			if (!sendByRandomMethod(sender, message)) continue;
			log.append(sequence++);
			accepted++;
		}
		if (isFlushed) {
			const { done, unread } = await sender.flush({ timeout: FLUSH_LIMIT_MS });
			if (!done) fail(`a flush waits for ${unread} receivers after ${FLUSH_LIMIT_MS} ms`);
			// A receiver may not have logged yet what its last call has returned.
			if (accepted === 2) for (const reader of ready) reader.check(sequence - 2);
		}
		// Time for the receivers to read everything and to wait.
		if (random(256) === 0) Bun.sleepSync(1 + random(4));
	}
}

/** A receiver whose log a sender reads, to see what a flush promises. */
class WatchedReceiver {
	readonly #participant: number;
	#instance = -1;
	#log: OperationLog | undefined;

	constructor(participant: number) {
		this.#participant = participant;
	}

	/** Whether it is open: it gets all that is sent from now on. */
	begin(): boolean {
		const instance = control.instanceOf(this.#participant);
		if (instance !== this.#instance) {
			this.#log?.[Symbol.dispose]();
			this.#log = new OperationLog(prefix, instance);
			this.#instance = instance;
		}
		return this.#log?.ready === true && !this.#log.ended;
	}

	/** Fails if it lives and has not received the message of this sender with that number, or a later one. */
	check(sequence: number): void {
		const entries = this.#log?.entries() ?? [];
		let last = entries.length - 1;
		while (last >= 0 && senderOf(entries[last] as number) !== me) last--;
		if (last >= 0 && sequenceOf(entries[last] as number) >= sequence) return;
		if (!control.isDead(this.#instance))
			fail(`a flush has ended, and receiver ${this.#instance} has not received ${sequence}`);
	}
}

const watchedReceivers = (): WatchedReceiver[] =>
	plan.roles.flatMap((role, participant) =>
		role === "receiver" && plan.kind !== "queue" ? [new WatchedReceiver(participant)] : [],
	);

/** Returns whether the message was accepted. */
function sendByRandomMethod(sender: Sender, message: Uint8Array): boolean {
	switch (random(4)) {
		case 0:
			return sender.sendBatch([message], { timeout: 20 }) === 1;
		case 1: {
			using loan = sender.loan(Math.min(message.byteLength, sender.maxMessageLength - 8), { timeout: 20 });
			if (!loan || loan.bytes.byteLength !== message.byteLength) return false;
			loan.bytes.set(message);
			// Observers count a loan that was given up as lost, if they did not come to it.
			return (hasObservers || random(8) > 0) && loan.send();
		}
		default:
			return sender.send(message, { timeout: 20 });
	}
}

function record(bytes: Uint8Array): void {
	const { task, sequence } = readMessage(bytes);
	log.append(entryOf(task, sequence));
}

function receive(): void {
	using receiver: Receiver = topicOf(plan, prefix).receiver();
	log.setReady();
	for (;;) {
		// The phase is read before the ring: what was sent before the phase changed is found.
		const isLast = control.phase === "reading";
		const timeout = isLast ? 0 : 50;
		if (random(2)) {
			if (receiver.drain(record, { timeout, max: 1 + random(64) }) > 0) continue;
		} else {
			const message = receiver.recv({ timeout });
			if (message) {
				record(message);
				continue;
			}
		}
		if (isLast) break;
	}
}

/** Gets what it can. Falls behind at times, so that senders overwrite what it has not read. */
function observe(): void {
	using observer: Receiver = topicOf(plan, prefix).observer();
	log.setReady();
	let last = { task: -1, sequence: -1, missed: 0 };
	const observed = (bytes: Uint8Array): void => {
		const { task, sequence } = readMessage(bytes);
		const missed = observer.lost + observer.skipped;
		// With one sender, what it missed since the last message is what lies between the two.
		if (plan.kind === "route" && task === last.task && sequence - last.sequence - 1 !== missed - last.missed)
			fail(`${sequence} after ${last.sequence}, and ${missed - last.missed} messages lost`);
		last = { task, sequence, missed };
		log.append(entryOf(task, sequence));
	};
	for (;;) {
		const isLast = control.phase === "reading";
		const timeout = isLast ? 0 : 50;
		if (!isLast && random(500) === 0) Bun.sleepSync(1 + random(30));
		const message = random(50) === 0 ? observer.recvLatest({ timeout }) : observer.recv({ timeout });
		if (message) observed(message);
		else if (isLast) break;
	}
	log.setLost(observer.lost + observer.skipped);
}

/** A dead letter is done, or goes back to the queue. Returns whether there was one. */
function takeLetter(dead: QueueReceiver, timeout: number): boolean {
	using letter = dead.take({ timeout });
	if (!letter) return false;
	if (random(3) === 0 && letter.redrive()) return true;
	record(letter.bytes);
	letter.done();
	return true;
}

function work(): void {
	using receiver = topicOf(plan, prefix).receiver() as QueueReceiver;
	using dead = Queue.receiver(DEAD_LETTERS, { prefix });
	log.setReady();
	for (;;) {
		const isLast = control.phase === "reading";
		if (takeLetter(dead, 0)) continue;
		// The message of a killed receiver comes again within a second.
		using lease = receiver.take({ timeout: isLast ? 1500 : 50 });
		if (!lease) {
			if (isLast && !takeLetter(dead, 1500)) break;
			continue;
		}
		const what = random(20);
		if (what === 0) continue; // the lease is closed, so the message comes again
		if (what === 1) {
			lease.retry({ delay: random(30) });
		} else if (what === 2) {
			lease.reject();
		} else {
			record(lease.bytes);
			lease.done();
		}
	}
}

function fail(what: string): never {
	throw new Error(what);
}

/** Runs in a critical section: the lock has reported a dead owner, or the pair is equal. */
function change(ownerDied: boolean): void {
	if (control.countInside() > 0) fail("another owner is inside");
	control.enter(me);
	if (ownerDied) control.repairPair();
	const [first, second] = control.pair;
	if (first !== second) fail(`the pair is (${first}, ${second}), and the lock has not reported a dead owner`);
	control.addToPair(() => log.append(0));
	control.leave(me);
}

function lock(): void {
	using mutex = Mutex.open(NAME, { prefix });
	log.setReady();
	while (control.phase === "working" && !log.full) {
		using guard = mutex.acquire({ timeout: 50 });
		if (guard) change(guard.ownerDied);
	}
}

function readOrWrite(): void {
	using rwlock = RwLock.open(NAME, { prefix });
	log.setReady();
	while (control.phase === "working" && !log.full) {
		if (random(4) === 0) {
			using guard = rwlock.acquire({ timeout: 50 });
			if (guard) change(guard.ownerDied);
		} else {
			using guard = rwlock.acquireShared({ timeout: 50 });
			if (!guard) continue;
			const [first, second] = control.pair;
			if (first !== second && !guard.ownerDied)
				fail(`a reader sees (${first}, ${second}), and the lock has not reported a dead owner`);
		}
	}
}

function enter(): void {
	using semaphore = Semaphore.open(NAME, { prefix, initial: PERMITS, robust: true });
	log.setReady();
	while (control.phase === "working" && !log.full) {
		using permit = semaphore.acquire({ timeout: 50 });
		if (!permit) continue;
		control.enter(me);
		if (control.countInside() > PERMITS) fail(`${control.countInside()} are inside, with ${PERMITS} permits`);
		log.append(0);
		control.leave(me);
	}
}

const tasks = {
	sender: send,
	receiver: plan.kind === "queue" ? work : receive,
	observer: observe,
	user: plan.kind === "mutex" ? lock : plan.kind === "rwlock" ? readOrWrite : enter,
} as const;

try {
	await tasks[plan.roles[Number(participant)] ?? "user"]();
	log.setEnded();
} catch (error) {
	console.error(`instance ${me}: ${error instanceof Error ? error.stack : error}`);
	process.exitCode = 1;
}
