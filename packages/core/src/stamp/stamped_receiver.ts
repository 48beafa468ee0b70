import {
	stamp as at,
	type Engine,
	type EngineReceiver,
	type LetterOrigin,
	STAMP_BYTES,
	Status,
} from "@libipc/protocol";
import { viewOfBytes } from "../check/bytes.ts";
import type { Batch } from "../endpoint/types.ts";
import { viewOf } from "../endpoint/view.ts";
import { Histogram } from "./histogram.ts";
import { LARGEST_KEPT, LOOP_BYTES, SMALL } from "./kept_memory.ts";
import type { Stamp } from "./stamp_types.ts";
import { StampedEndpoint } from "./stamped_endpoint.ts";

/** A message without a stamp, among the offsets of stamps. */
const NONE = 0xffffffff;

/** The length of a message without its stamp. Shorter ones than a stamp are read as empty ones: they are not of this library. */
const lengthWithout = (length: number): number => (length > STAMP_BYTES ? length - STAMP_BYTES : 0);

const wordsOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array =>
	new Uint32Array(buffer, byteOffset, byteLength >> 2);

/**
 * A receiver of an engine on a name with stamps, as if it had none: it takes the stamp off each message, and keeps that of the last
 * one. Endpoints of names without stamps do not use it, so that stamps cost them nothing.
 */
export class StampedReceiver extends StampedEndpoint<EngineReceiver> implements EngineReceiver {
	readonly isStamped = true;
	readonly latency: Histogram;
	/** The stamp and the message that are received next. No code of the caller gets it. */
	#memory = new Uint8Array(STAMP_BYTES + SMALL);
	#words: Uint32Array = wordsOf(this.#memory);
	/** The memory with the message that was received last. */
	#received = this.#memory;
	/** The same of `peek`, for messages that cannot be read in the ring. */
	#copied = new Uint8Array(0);
	#ring: Uint8Array | undefined;
	#ringWords: Uint32Array = new Uint32Array(0);
	/** Where the stamps are of the messages that the last peek has found, in words of the ring. */
	#stamps = new Uint32Array(1);
	#found = 0;
	/** How many of these have been handed on. */
	#handed = 0;
	/** The offsets of leases without a stamp. */
	readonly #without = new Set<number>();
	#hasLast = false;
	#lastSender = 0;
	#lastSentAt = 0;

	constructor(name: string, engine: EngineReceiver, now: () => number) {
		super(engine, now);
		this.latency = new Histogram(name);
	}

	/** The stamp of the message that was received last; `undefined`: there was none, or it had none. */
	get last(): Stamp | undefined {
		return this.#hasLast ? { sender: this.#lastSender, sentAt: this.#lastSentAt } : undefined;
	}

	/** A message is handed on: keeps its stamp, which begins at a word, and returns the length of the rest. */
	#arrive(words: Uint32Array, first: number, length: number, now = this.now()): number {
		this.#hasLast = length >= STAMP_BYTES;
		if (!this.#hasLast) return 0;
		this.#lastSender = senderAt(words, first);
		this.#lastSentAt = timeAt(words, first);
		this.latency.record(now - this.#lastSentAt);
		return length - STAMP_BYTES;
	}

	/** The ring as words. Its memory may be mapped again, if a view of it was transferred. */
	#wordsOfRing(): Uint32Array {
		const ring = this.engine.ring();
		if (ring !== this.#ring) {
			this.#ring = ring;
			this.#ringWords = wordsOf(ring);
		}
		return this.#ringWords;
	}

	/** Receives a message of up to `capacity` bytes, and returns its length: `#received` has it, behind its stamp. */
	#receive(capacity: number, timeout: number, latest: boolean): number {
		let memory = this.#memory;
		for (;;) {
			const most = Math.min(STAMP_BYTES + capacity, memory.byteLength);
			const length = latest
				? this.engine.recvLatest(most < memory.byteLength ? viewOf(memory, 0, most) : memory, timeout)
				: this.engine.recv(memory, timeout, most);
			if (length >= 0) {
				this.#received = memory;
				return this.#arrive(memory === this.#memory ? this.#words : wordsOf(memory), 0, length);
			}
			if (length !== Status.bufferTooSmall) return length;
			// Another receiver of a queue may take it, and senders may overwrite it: the next message may be another one by now.
			const next = this.engine.nextLength();
			if (next > STAMP_BYTES + capacity) return length;
			if (next > memory.byteLength) {
				memory = new Uint8Array(next);
				if (next <= LARGEST_KEPT) {
					this.#memory = memory;
					this.#words = wordsOf(memory);
				}
			}
		}
	}

	#receiveInto(target: Uint8Array, capacity: number, timeout: number, latest: boolean): number {
		const length = this.#receive(capacity, timeout, latest);
		if (length > 0) copyMessage(target, this.#received, length);
		if (this.#received !== this.#memory) this.#received = this.#memory; // more is not kept
		return length;
	}

	recv(target: Uint8Array, timeout: number, capacity: number = target.byteLength): number {
		return this.#receiveInto(target, capacity, timeout, false);
	}

	recvInto(target: Uint8Array, capacity: number, timeout: number): number {
		return this.#receiveInto(target, capacity, timeout, false);
	}

	recvLatest(target: Uint8Array, timeout: number): number {
		return this.#receiveInto(target, target.byteLength, timeout, true);
	}

	nextLength(): number {
		const length = this.engine.nextLength();
		return length < 0 ? length : lengthWithout(length);
	}

	takeAssembled(): Uint8Array<ArrayBuffer> | null {
		const message = this.engine.takeAssembled();
		if (!message) return null;
		const length = this.#arrive(wordsOf(message.slice(0, STAMP_BYTES)), 0, message.byteLength);
		// A copy: programs read the buffer of a message from its beginning.
		return length === 0 ? new Uint8Array(0) : message.slice(STAMP_BYTES);
	}

	/**
	 * The stamps of several messages are kept until {@link handOn} is called for each. A single message counts as handed on, also one
	 * that was received into the target.
	 */
	peek(spans: Uint32Array, max: number, target: Uint8Array, timeout: number): number {
		this.#found = this.#handed = 0;
		if (this.#copied.byteLength !== STAMP_BYTES + target.byteLength)
			this.#copied = new Uint8Array(STAMP_BYTES + target.byteLength);
		const copied = this.#copied;
		const count = this.engine.peek(spans, max, copied, timeout);
		if (count === Status.notInPlace) {
			const length = spans[0] as number;
			spans[0] = lengthWithout(length);
			if (length > copied.byteLength) return count; // it stays
			this.#arrive(wordsOf(copied), 0, length);
			if (length > STAMP_BYTES) copyMessage(target, copied, length - STAMP_BYTES);
		}
		if (count <= 0) return count;
		if (this.#stamps.length < count) this.#stamps = new Uint32Array(Math.max(count, max));
		for (let i = 0; i < 2 * count; i += 2) {
			const offset = spans[i] as number;
			const length = spans[i + 1] as number;
			const hasStamp = length >= STAMP_BYTES;
			this.#stamps[i >> 1] = hasStamp ? offset >> 2 : NONE;
			spans[i] = hasStamp ? offset + STAMP_BYTES : offset;
			spans[i + 1] = lengthWithout(length);
		}
		this.#found = count;
		if (max === 1) this.#handOn();
		return count;
	}

	/** The next message of the last peek is handed on, if there is one. */
	#handOn(now?: number): void {
		if (this.#handed === this.#found) return;
		const first = this.#stamps[this.#handed++] as number;
		this.#arrive(this.#wordsOfRing(), first, first === NONE ? 0 : STAMP_BYTES, now);
	}

	/** A handler of `drain`, which finds the stamp of its message in {@link last}. */
	handing<Result>(handler: (view: Uint8Array) => Result): (view: Uint8Array) => Result {
		return (view) => {
			this.#handOn();
			return handler(view);
		};
	}

	/** A handler of `drainBatch`, which gets all messages at once. */
	handingBatch<Result>(handler: (batch: Batch) => Result): (batch: Batch) => Result {
		return (batch) => {
			const now = this.now();
			while (this.#handed < this.#found) this.#handOn(now);
			return handler(batch);
		};
	}

	consume(count: number): number {
		return this.engine.consume(count);
	}

	take(lease: Uint32Array, timeout: number): number {
		const status = this.engine.take(lease, timeout);
		if (status !== 0) return status;
		const offset = lease[0] as number;
		const length = lease[1] as number;
		this.#arrive(this.#wordsOfRing(), offset >> 2, length);
		lease[1] = lengthWithout(length);
		if (length < STAMP_BYTES) this.#without.add(offset);
		else lease[0] = offset + STAMP_BYTES;
		return status;
	}

	/** The stamp of an open lease. */
	stampOf(offset: number): Stamp | undefined {
		if (this.#without.has(offset)) return undefined;
		const words = this.#wordsOfRing();
		const first = (offset - STAMP_BYTES) >> 2;
		return { sender: senderAt(words, first), sentAt: timeAt(words, first) };
	}

	/** Where the message of a lease begins. No other lease begins inside it, so an offset without a stamp is of one lease only. */
	#offsetOf(offset: number): number {
		return this.#without.has(offset) ? offset : offset - STAMP_BYTES;
	}

	#ended(offset: number, status: number): number {
		if (status === 0) this.#without.delete(offset);
		return status;
	}

	done(offset: number): number {
		return this.#ended(offset, this.engine.done(this.#offsetOf(offset)));
	}

	retry(offset: number, delay: number): number {
		return this.#ended(offset, this.engine.retry(this.#offsetOf(offset), delay));
	}

	reject(offset: number, reason: Uint8Array): number {
		return this.#ended(offset, this.engine.reject(this.#offsetOf(offset), reason));
	}

	origin(offset: number): LetterOrigin | undefined {
		return this.engine.origin(this.#offsetOf(offset));
	}

	redrive(offset: number): number {
		return this.#ended(offset, this.engine.redrive(this.#offsetOf(offset)));
	}

	nextDue(): number {
		return this.engine.nextDue();
	}

	lost(): number {
		return this.engine.lost();
	}

	skipped(): number {
		return this.engine.skipped();
	}

	ring(): Uint8Array {
		return this.engine.ring();
	}

	override close(): void {
		this.#ring = undefined;
		this.#ringWords = new Uint32Array(0);
		super.close();
	}
}

const senderAt = (words: Uint32Array, first: number): number => words[first + at.sender / 4] as number;

const timeAt = (words: Uint32Array, first: number): number =>
	(words[first + at.sentAt / 4 + 1] as number) * 2 ** 32 + (words[first + at.sentAt / 4] as number);

/** Copies a message without its stamp. `target` may be an object of the caller: only its elements and its memory are used. */
function copyMessage(target: Uint8Array, memory: Uint8Array, length: number): void {
	if (length <= LOOP_BYTES) for (let i = 0; i < length; i++) target[i] = memory[STAMP_BYTES + i] as number;
	else viewOfBytes(target, length).set(viewOf(memory, STAMP_BYTES, length));
}

/** The receiver for the endpoints of a name: without the stamps, if the name has them. */
export const withoutStamps = (engine: Engine, name: string, receiver: EngineReceiver): EngineReceiver =>
	receiver.isStamped ? new StampedReceiver(name, receiver, () => engine.now()) : receiver;
