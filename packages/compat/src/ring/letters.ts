import {
	abi,
	type EngineOptions,
	headerWord,
	IpcError,
	LEASE_ATTEMPTS,
	LEASE_BYTES,
	LeaseFlag,
	type LetterOrigin,
	limits,
	modes,
	Status,
} from "@libipc/protocol";
import { deadLetterOf } from "../segment/dead_letter.ts";
import { isStamped, type Segment } from "../segment/segment.ts";
import { endpointOf, type OpenSegment } from "../segment_endpoint.ts";
import { type MoveKey, moveFind, moveForget, movePublish } from "./moves.ts";
import { queueDone, queueLease, queueOrigin, queueRetry } from "./queue.ts";
import type { ReceiverState } from "./receiver_state.ts";
import { SenderState } from "./sender_state.ts";

/** The messages of a queue that go to its dead-letter queue, and back from there: `native/src/letters.h`. */
const { created: CREATED, maxAttempts: MAX_ATTEMPTS } = headerWord;

/** When a message is moved again that the dead-letter queue could not take. Milliseconds. */
const RETRY = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How a receiver opens senders of other queues of its prefix. */
export interface OtherQueues {
	/** The name of the receiver's queue. */
	readonly name: string;
	/**
	 * Takes a sender's slot, or throws an IpcError. `mode`: the index in `modes`. `capacity` 0: any. `stamp`: the one of the receiver's
	 * queue, because the bytes of a message are moved as they are, with its stamp.
	 */
	open(name: string, mode: number, capacity: number, stamp: number): OpenSegment;
}

/** The options of such a sender. */
export const otherQueueOptions = (
	{ permissions }: EngineOptions,
	mode: number,
	capacity: number,
	stamp: number,
): EngineOptions => ({
	capacity,
	maxReceivers: 0,
	permissions,
	overflow: 0,
	fromOldest: false,
	lossy: false,
	firstPosition: 0,
	codec: "",
	stamp,
	mode,
});

const stampOf = (segment: Segment): number => (isStamped(segment) ? abi.StampOption.all : abi.StampOption.none);

/** Opens a queue that exists. `creates`: if it does not, it is created with a ring of that capacity. */
function openQueue({ open }: OtherQueues, name: string, creates: number, stamp: number): OpenSegment {
	for (let tries = 0; ; tries++) {
		try {
			return open(name, modes.indexOf("open"), 0, stamp);
		} catch (error) {
			if (creates === 0 || !(error instanceof IpcError) || error.code !== "ERR_IPC_NOT_FOUND") throw error;
		}
		try {
			return open(name, modes.indexOf("create-or-open"), creates, stamp);
		} catch (error) {
			// Another process has created it meanwhile, with another capacity.
			if (tries === 3 || !(error instanceof IpcError) || error.code !== "ERR_IPC_OPTIONS_MISMATCH") throw error;
		}
	}
}

/** A sender that only moves messages. */
class LetterSender {
	readonly state: SenderState;
	readonly #leave: () => void;

	constructor({ segment, at, instance }: OpenSegment, leave: () => void) {
		this.state = new SenderState(segment, at, instance);
		this.#leave = leave;
	}

	close(): void {
		this.#leave();
	}
}

const letterSender = (opened: OpenSegment): LetterSender =>
	endpointOf(
		opened,
		(each, leave) => new LetterSender(each, leave),
		() => {},
	);

/** A lease of the receiver. */
interface Letter {
	readonly offset: number;
	/** The word of its attempts and flags. */
	readonly word: number;
	readonly attempts: number;
	readonly message: Uint8Array;
	readonly key: MoveKey;
	readonly origin: LetterOrigin | undefined;
}

export class Letters {
	readonly #receiver: ReceiverState;
	readonly #queues: OtherQueues;
	#dead: LetterSender | undefined;

	constructor(receiver: ReceiverState, queues: OtherQueues) {
		this.#receiver = receiver;
		this.#queues = queues;
	}

	/** Opens the sender of the dead-letter queue, if the queue has one and it is not open. */
	open(): SenderState | undefined {
		const { segment } = this.#receiver;
		const name = this.#dead ? undefined : deadLetterOf(segment);
		if (name === undefined) return this.#dead?.state;
		const opened = openQueue(this.#queues, name, segment.capacity, stampOf(segment));
		if (opened.segment.capacity < segment.capacity) {
			const { capacity } = opened.segment;
			opened.leave();
			throw new IpcError(
				"ERR_IPC_OPTIONS_MISMATCH",
				this.#queues.name,
				`The dead-letter queue "${name}" is in use with capacity ${capacity}, less than the ${segment.capacity} of this queue, so that it could not take every message. Open it first with at least as much, or leave its capacity out.`,
			);
		}
		this.#dead = letterSender(opened);
		return this.#dead.state;
	}

	close(): void {
		this.#dead?.close();
		this.#dead = undefined;
	}

	#find(offset: number): Letter | number {
		const { segment, ring, instance, isQueue } = this.#receiver;
		const found = isQueue ? queueLease(segment, ring, instance, offset) : undefined;
		if (!found) return Status.invalidArgument;
		const word = found.lease + 1;
		const attempts = ring.words[word] as number;
		const at = (found.lease << 2) + LEASE_BYTES;
		const end = (attempts & LeaseFlag.letter) === 0 ? undefined : queueOrigin(ring, at, found.length);
		if ((attempts & LeaseFlag.letter) !== 0 && !end) return Status.corrupt;
		const length = found.length - (end?.total ?? 0);
		const text = (from: number, bytes: number): string =>
			decoder.decode(Uint8Array.from(ring.bytes.subarray(at + length + from, at + length + from + bytes)));
		return {
			offset,
			word,
			attempts,
			message: ring.bytes.subarray(at, at + length),
			key: {
				sourceLow: segment.words[CREATED] as number,
				sourceHigh: segment.words[CREATED + 1] as number,
				position: found.position,
			},
			origin: end && {
				queue: text(0, end.nameBytes),
				attempts: end.attempts,
				reason: text(end.nameBytes, end.reasonBytes),
			},
		};
	}

	/** The message is in the other queue: ends the lease here, then empties the entry there. */
	#end(to: SenderState, { offset, key }: Letter): number {
		const { segment, ring, instance } = this.#receiver;
		const status = queueDone(segment, ring, instance, offset);
		if (status === 0) moveForget(to, key);
		return status;
	}

	#setFlags({ word }: Letter, flags: number): void {
		Atomics.store(this.#receiver.ring.words, word, flags);
	}

	#retry({ offset }: Letter, delay: number): number {
		const { segment, ring, instance } = this.#receiver;
		return queueRetry(segment, ring, instance, offset, delay);
	}

	/** Publishes the letter in the dead-letter queue, unless it is there. */
	#post({ attempts, message, key }: Letter, reason: Uint8Array): number {
		const origin = { attempts: attempts & LEASE_ATTEMPTS, name: encoder.encode(this.#queues.name), reason };
		for (let tries = 0; ; tries++) {
			let dead: SenderState | undefined;
			try {
				dead = this.open();
			} catch {
				return Status.system; // the message waits, and is moved later
			}
			if (!dead) return Status.notFound;
			let status = moveFind(dead, key);
			if (status === Status.timedOut) status = movePublish(dead, key, { message, origin });
			if ((status !== Status.orphaned && status !== Status.corrupt) || tries === 1) return status;
			this.close(); // its name was removed: the next one has it
		}
	}

	#bury(letter: Letter, reason: Uint8Array): number {
		this.#setFlags(letter, letter.attempts | LeaseFlag.dead);
		const status = this.#post(letter, reason);
		return status === 0 && this.#dead ? this.#end(this.#dead.state, letter) : this.#retry(letter, RETRY);
	}

	/** Calls `use` with a sender of the queue of a name, which is not kept open: letters.c says why. */
	#withQueue(name: string, use: (to: SenderState) => number): number {
		const opened = openQueue(this.#queues, name, 0, stampOf(this.#receiver.segment));
		try {
			return use(new SenderState(opened.segment, opened.at, opened.instance));
		} finally {
			opened.leave();
		}
	}

	/** Its receiver was killed while it moved it back: it is there, or a receiver gets it here. */
	#settleBack(letter: Letter): number {
		let ended = 0;
		let status: number;
		try {
			status = this.#withQueue(letter.origin?.queue ?? "", (to) => {
				const found = moveFind(to, letter.key);
				if (found === 0) ended = this.#end(to, letter);
				return found;
			});
		} catch (error) {
			status = error instanceof IpcError && error.code === "ERR_IPC_NOT_FOUND" ? Status.timedOut : Status.system;
		}
		if (status === 0) return ended;
		const isHere = status === Status.timedOut;
		if (isHere) this.#setFlags(letter, letter.attempts & ~LeaseFlag.back);
		return this.#retry(letter, isHere ? 0 : RETRY);
	}

	/** Ends the lease that came with `QUEUE_MOVE`: 0, or `busy`, and then it is still the receiver's. */
	settle(offset: number): number {
		const letter = this.#find(offset);
		if (typeof letter === "number") return letter;
		if ((letter.attempts & LeaseFlag.back) !== 0) return this.#settleBack(letter);
		const limit = this.#receiver.segment.words[MAX_ATTEMPTS] as number;
		const isOver = (letter.attempts & LEASE_ATTEMPTS) >= limit;
		return this.#bury(letter, encoder.encode(isOver ? "max-attempts" : "rejected"));
	}

	reject(offset: number, reason: Uint8Array): number {
		const letter = this.#find(offset);
		if (typeof letter === "number") return letter;
		if (Atomics.load(this.#receiver.words, MAX_ATTEMPTS) === 0) return Status.notFound;
		return this.#bury(letter, reason.byteLength > 0 ? cut(reason) : encoder.encode("rejected"));
	}

	/** Status and whether the lease has ended. */
	redrive(offset: number): number {
		const letter = this.#find(offset);
		if (typeof letter === "number") return letter;
		if (!letter.origin) return Status.invalidArgument;
		try {
			return this.#withQueue(letter.origin.queue, (to) => {
				this.#setFlags(letter, letter.attempts | LeaseFlag.back);
				const status = movePublish(to, letter.key, { message: letter.message, origin: undefined });
				if (status === 0) return this.#end(to, letter);
				this.#setFlags(letter, letter.attempts);
				return status;
			});
		} catch (error) {
			if (error instanceof IpcError && error.code === "ERR_IPC_NOT_FOUND") return Status.notFound;
			throw error;
		}
	}

	origin(offset: number): LetterOrigin | undefined {
		const letter = this.#find(offset);
		return typeof letter === "number" ? undefined : letter.origin;
	}
}

/** At most as many bytes as a reason may have, without a part of a character of UTF-8 at the end. */
function cut(reason: Uint8Array): Uint8Array {
	if (reason.byteLength <= limits.reasonBytes) return reason;
	let length = limits.reasonBytes;
	while (length > 0 && ((reason[length] as number) & 0xc0) === 0x80) length--;
	return reason.subarray(0, length);
}
