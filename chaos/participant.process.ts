/**
 * One life of one seat: `participant.process.ts <prefix> <seed> <seat> <life>`. It may be killed at any moment. What it
 * finds wrong it says on its error output, and ends with 1.
 */
import { Mutex, type QueueReceiver, type Receiver, RwLock, Semaphore, type Sender } from "@libipc/core";
import { HEADER, readMessage, writeMessage } from "../soak/message.ts";
import { Field } from "./field.ts";
import { Journal } from "./journal.ts";
import { makePlan, randomFrom } from "./plan.ts";
import { entryOf, MOST_MESSAGES, PERMITS, topicOf } from "./topic.ts";

const [prefix = "", seed = "0", seat = "0", life = "0"] = process.argv.slice(2);
const plan = makePlan(Number(seed));
const me = Number(life);
const random = randomFrom(Number(seed) * 1000 + me);
using field = new Field(prefix);
using journal = new Journal(prefix, me);

function send(): void {
	using sender: Sender = topicOf(plan, prefix).sender();
	journal.setReady();
	const out = new Uint8Array(plan.largest + HEADER);
	let sequence = 0;
	while (field.phase === "working" && sequence < MOST_MESSAGES) {
		const most = random(20) === 0 ? plan.largest : Math.min(plan.largest, 600);
		const message = writeMessage(out, { task: me, life: 0, sequence }, HEADER + random(most - HEADER + 1));
		if (sendSomehow(sender, message)) journal.add(sequence++);
		// Time for the others to read all, and to fall asleep.
		if (random(256) === 0) Bun.sleepSync(1 + random(4));
	}
}

/** Whether it was accepted. */
function sendSomehow(sender: Sender, message: Uint8Array): boolean {
	switch (random(4)) {
		case 0:
			return sender.sendBatch([message], { timeout: 20 }) === 1;
		case 1: {
			using loan = sender.loan(Math.min(message.byteLength, sender.maxMessageLength - 8), { timeout: 20 });
			if (!loan || loan.bytes.byteLength !== message.byteLength) return false;
			loan.bytes.set(message);
			return random(8) > 0 && loan.send();
		}
		default:
			return sender.send(message, { timeout: 20 });
	}
}

function note(bytes: Uint8Array): void {
	const { task, sequence } = readMessage(bytes);
	journal.add(entryOf(task, sequence));
}

function receive(): void {
	using receiver: Receiver = topicOf(plan, prefix).receiver();
	journal.setReady();
	for (;;) {
		// Seen first, then looked: what was sent before it is there.
		const isLast = field.phase === "reading";
		const timeout = isLast ? 0 : 50;
		if (random(2)) {
			if (receiver.drain(note, { timeout, max: 1 + random(64) }) > 0) continue;
		} else {
			const message = receiver.recv({ timeout });
			if (message) {
				note(message);
				continue;
			}
		}
		if (isLast) break;
	}
}

function work(): void {
	using receiver = topicOf(plan, prefix).receiver() as QueueReceiver;
	journal.setReady();
	for (;;) {
		const isLast = field.phase === "reading";
		// What a killed one was at comes back within a second.
		using lease = receiver.take({ timeout: isLast ? 1500 : 50 });
		if (!lease) {
			if (isLast) break;
			continue;
		}
		if (random(20) === 0) continue; // gives it back
		note(lease.bytes);
		lease.done();
	}
}

function fail(what: string): never {
	throw new Error(what);
}

/** In a critical section: whoever died in it was told of, or the pair is whole. */
function change(ownerDied: boolean): void {
	if (field.countInside() > 0) fail("somebody else is inside");
	field.enter(me);
	if (ownerDied) field.repairPair();
	const [first, second] = field.pair;
	if (first !== second) fail(`half changed (${first}, ${second}), and nobody was told`);
	field.addToPair(() => journal.add(0));
	field.leave(me);
}

function lock(): void {
	using mutex = Mutex.open("tried", { prefix });
	journal.setReady();
	while (field.phase === "working" && !journal.full) {
		using guard = mutex.acquire({ timeout: 50 });
		if (guard) change(guard.ownerDied);
	}
}

function readOrWrite(): void {
	using rwlock = RwLock.open("tried", { prefix });
	journal.setReady();
	while (field.phase === "working" && !journal.full) {
		if (random(4) === 0) {
			using guard = rwlock.acquire({ timeout: 50 });
			if (guard) change(guard.ownerDied);
		} else {
			using guard = rwlock.acquireShared({ timeout: 50 });
			if (!guard) continue;
			const [first, second] = field.pair;
			if (first !== second && !guard.ownerDied) fail(`a reader sees (${first}, ${second}), and was not told`);
		}
	}
}

function enter(): void {
	using semaphore = Semaphore.open("tried", { prefix, initial: PERMITS, robust: true });
	journal.setReady();
	while (field.phase === "working" && !journal.full) {
		using permit = semaphore.acquire({ timeout: 50 });
		if (!permit) continue;
		field.enter(me);
		if (field.countInside() > PERMITS) fail(`${field.countInside()} are inside, with ${PERMITS} permits`);
		journal.add(0);
		field.leave(me);
	}
}

const tasks = {
	sender: send,
	receiver: plan.kind === "queue" ? work : receive,
	user: plan.kind === "mutex" ? lock : plan.kind === "rwlock" ? readOrWrite : enter,
} as const;

try {
	tasks[plan.seats[Number(seat)] ?? "user"]();
	journal.end();
} catch (error) {
	console.error(`life ${me}: ${error instanceof Error ? error.stack : error}`);
	process.exitCode = 1;
}
