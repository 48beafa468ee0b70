import { viewOfBytes } from "@libipc/core/api";
import {
	BUFFER_BITS,
	BUFFER_BYTES,
	BUFFERS_MORE,
	buffer,
	bufferStride,
	type EngineLatest,
	type EngineWaker,
	headerLong,
	headerWord,
	Pin,
	SLOT_WORDS,
	Status,
	slotWord,
} from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { evictDead, receiverSlotsUsed } from "../segment/slots.ts";
import { leave, notifyAll } from "../segment/waits.ts";
import { QueuedLock } from "./queued_lock.ts";
import { WakeableHandle } from "./wakeable.ts";

const { buffers: BUFFERS, current: CURRENT, pinning: PINNING, waiting: WAITING } = headerWord;
const { current: CURRENT_LONG } = headerLong;
const { instance: INSTANCE, pin: PIN } = slotWord;

/** What a wait for a change waits for: `IPC_WAIT_CHANGE`. */
const CHANGE = 2;

/** How often a reader copies before it pins. */
const TRIES = 2;

/** `IPC_FIRST_BUFFERS`. */
export const FIRST_BUFFERS = 4;

const INDEX_MASK: number = (1 << BUFFER_BITS) - 1;
/** Versions in the low half of `current`. */
const LOW_VERSIONS: number = 2 ** (32 - BUFFER_BITS);
const VERSIONS: number = 2 ** (64 - BUFFER_BITS);

/** Up to so many bytes a loop is faster than a call of the runtime. */
const SHORT = 40;

/** A store to this word, and a load after the store, keep the loads before the store from moving behind it. */
const fence = new Int32Array(1);

/**
 * A handle of a latest value: `native/src/latest_value.c`, which has the invariant and its proof. In TypeScript all operations on
 * `current`, pins and `pinning` are sequentially consistent.
 */
export class SegmentLatest extends WakeableHandle implements EngineLatest {
	readonly maxLength: number;
	readonly #lock: QueuedLock;
	/** Bytes from one buffer to the next, and how many there are. */
	readonly #stride: number;
	readonly #count: number;
	#seen = 0;
	/** What {@link #load} has found: the halves of `current`. */
	#low = 0;
	#high = 0;

	constructor(segment: Segment, at: number, instance: number, leaveSegment: () => void) {
		super(segment, at, instance, leaveSegment);
		this.maxLength = segment.capacity;
		this.#lock = new QueuedLock(this);
		this.#stride = bufferStride(segment.capacity);
		this.#count = segment.maxReceivers + BUFFERS_MORE;
	}

	/** Two halves of `current` that belong together: it only grows, and the low half alone is stored only if the high half stays. */
	#load(): void {
		const { words } = this.segment;
		let high = Atomics.load(words, CURRENT + 1);
		for (;;) {
			const low = Atomics.load(words, CURRENT);
			const again = Atomics.load(words, CURRENT + 1);
			if (again === high) {
				this.#low = low;
				this.#high = high;
				return;
			}
			high = again;
		}
	}

	get #loadedVersion(): number {
		return (this.#high >>> 0) * LOW_VERSIONS + (this.#low >>> BUFFER_BITS);
	}

	/** The first byte of a buffer. */
	#bufferAt(index: number): number {
		return this.segment.body + index * this.#stride;
	}

	/** Copies the value of a buffer: its length, or a status. */
	#copy(at: number, target: Uint8Array, capacity: number): number {
		const { words, bytes } = this.segment;
		const length = (words[(at + buffer.length) >> 2] as number) >>> 0;
		if (length > this.maxLength) return Status.corrupt;
		if (length > capacity) return Status.bufferTooSmall;
		const from = at + BUFFER_BYTES;
		if (length <= SHORT) for (let i = 0; i < length; i++) target[i] = bytes[from + i] as number;
		else viewOfBytes(target, length).set(bytes.subarray(from, from + length));
		return length;
	}

	get(target: Uint8Array, capacity: number): number {
		if (!this.isOpen) return Status.closed;
		const usable = this.check();
		if (usable !== 0) return this.segment.result(usable);
		const { words } = this.segment;
		for (let tries = 0; tries < TRIES; tries++) {
			this.#load();
			const version = this.#loadedVersion;
			if (version === 0) return this.segment.result(Status.notSet);
			const index = this.#low & INDEX_MASK;
			if (index >= this.#count) return this.segment.result(Status.corrupt);
			const at = this.#bufferAt(index);
			const length = this.#copy(at, target, capacity);
			Atomics.store(fence, 0, 0);
			// If a later byte was read, the version is gone.
			const low = Atomics.load(words, at >> 2);
			const high = Atomics.load(words, (at >> 2) + 1);
			if ((high >>> 0) * 2 ** 32 + (low >>> 0) !== version) continue;
			if (length >= 0) this.#seen = version;
			return this.segment.result(length);
		}
		return this.segment.result(this.#getPinned(target, capacity));
	}

	#getPinned(target: Uint8Array, capacity: number): number {
		const { words } = this.segment;
		const pin = this.at + PIN;
		Atomics.add(words, PINNING, 1);
		Atomics.store(words, pin, Pin.wanted);
		const ours = Pin.pinned + (Atomics.load(words, CURRENT) & INDEX_MASK);
		const found = Atomics.compareExchange(words, pin, Pin.wanted, ours);
		const index = (found === Pin.wanted ? ours : found) - Pin.pinned;
		let status: number = Status.corrupt;
		if (index >= 0 && index < this.#count) {
			const at = this.#bufferAt(index);
			const low = words[at >> 2] as number;
			const version = ((words[(at >> 2) + 1] as number) >>> 0) * 2 ** 32 + (low >>> 0);
			if (version !== 0) status = this.#copy(at, target, capacity);
			if (status >= 0) this.#seen = version;
		}
		Atomics.store(words, pin, Pin.none);
		Atomics.sub(words, PINNING, 1);
		return status;
	}

	length(): number {
		if (!this.isOpen) return Status.closed;
		const usable = this.check();
		if (usable !== 0) return this.segment.result(usable);
		this.#load();
		if (this.#loadedVersion === 0) return this.segment.result(Status.notSet);
		const index = this.#low & INDEX_MASK;
		if (index >= this.#count) return this.segment.result(Status.corrupt);
		const length = (this.segment.words[(this.#bufferAt(index) + buffer.length) >> 2] as number) >>> 0;
		return this.segment.result(length > this.maxLength ? Status.corrupt : length);
	}

	version(): number {
		if (!this.isOpen) return Status.closed;
		this.#load();
		return this.#loadedVersion;
	}

	seen(): number {
		return this.isOpen ? this.#seen : Status.closed;
	}

	set(bytes: Uint8Array, length: number, timeout: number): number {
		if (!this.isOpen) return Status.closed;
		if (length > this.maxLength) return this.segment.result(Status.messageTooLarge);
		const isHeld = this.#lock.isHeld;
		let status = isHeld ? this.check() : this.lock(timeout);
		if (status !== 0) return this.segment.result(status);
		status = this.#publish(bytes, length);
		if (!isHeld) this.#lock.release();
		if (status === 0 && Atomics.load(this.segment.words, WAITING) !== 0) notifyAll(this.segment, CHANGE);
		return this.segment.result(status);
	}

	#publish(bytes: Uint8Array, length: number): number {
		const { segment } = this;
		const { words, longs } = segment;
		this.#load();
		const index = this.#takeBuffer(this.#low & INDEX_MASK);
		if (index < 0) return index;
		const version = (this.#loadedVersion + 1) % VERSIONS || 1;
		const at = this.#bufferAt(index);
		Atomics.store(longs, at >> 3, 0n);
		Atomics.load(words, at >> 2); // keeps the stores that follow behind that one
		words[(at + buffer.length) >> 2] = length;
		const to = at + BUFFER_BYTES;
		if (length <= SHORT) for (let i = 0; i < length; i++) segment.bytes[to + i] = bytes[i] as number;
		else segment.bytes.set(viewOfBytes(bytes, length), to);
		Atomics.store(longs, at >> 3, BigInt(version));
		const low = ((version % LOW_VERSIONS) << BUFFER_BITS) | index;
		const high = Math.floor(version / LOW_VERSIONS) | 0;
		// One store publishes, of the half that changes, or of both.
		if (high === this.#high) Atomics.store(words, CURRENT, low);
		else
			Atomics.store(longs, CURRENT_LONG, BigInt.asIntN(64, (BigInt(version) << BigInt(BUFFER_BITS)) | BigInt(index)));
		this.#seen = version;
		return 0;
	}

	/** A buffer that is neither the current one nor pinned, or a status. */
	#takeBuffer(current: number): number {
		const { words } = this.segment;
		const buffers = words[BUFFERS] as number;
		if (buffers < 2 || buffers > this.#count || current >= buffers) return Status.corrupt;
		if (Atomics.load(words, PINNING) === 0) return current + 1 < buffers ? current + 1 : 0;
		const index = this.#findFree(current, buffers);
		return index >= 0 ? index : this.#findMore(current, buffers);
	}

	#findFree(current: number, buffers: number): number {
		const pinned = this.#pinned(current);
		for (let i = 1; i <= buffers; i++) {
			const index = (current + i) % buffers;
			if (index !== current && !pinned.has(index)) return index;
		}
		return -1;
	}

	/** Pins the current buffer for the readers that want a pin, and collects what is pinned. */
	#pinned(current: number): Set<number> {
		const { segment } = this;
		const { words } = segment;
		const pinned = new Set<number>();
		for (let i = 0, used = receiverSlotsUsed(segment); i < used; i++) {
			const at = segment.receivers + i * SLOT_WORDS;
			if (Atomics.load(words, at + INSTANCE) === 0) continue;
			let pin = Atomics.load(words, at + PIN);
			if (pin === Pin.wanted) pin = Atomics.compareExchange(words, at + PIN, Pin.wanted, Pin.pinned + current);
			if (pin >= Pin.pinned) pinned.add(pin - Pin.pinned);
		}
		return pinned;
	}

	/** All buffers that are in use are pinned: by the dead, or one more comes into use. */
	#findMore(current: number, buffers: number): number {
		if (buffers === this.#count || this.isTimeToReap()) {
			evictDead(this.segment);
			const index = this.#findFree(current, buffers);
			if (index >= 0) return index;
		}
		if (buffers === this.#count) return Status.corrupt; // more pins than handles
		// Between threads all buffers have memory, which the system gives when it is written.
		Atomics.store(this.segment.words, BUFFERS, buffers + 1);
		return buffers;
	}

	lock(timeout: number): number {
		if (!this.isOpen) return Status.closed;
		this.begin();
		const status = this.#lock.take(timeout);
		if (status < 0) return this.segment.result(status);
		const usable = this.check();
		if (usable !== 0) this.#lock.release();
		return this.segment.result(usable);
	}

	unlock(): number {
		if (!this.isOpen) return Status.closed;
		if (!this.#lock.isHeld) return this.segment.result(Status.notOwner);
		this.#lock.release();
		return this.segment.result(0);
	}

	enter(version: number, waker: EngineWaker | undefined): number {
		if (!this.isOpen) return Status.closed;
		const { segment } = this;
		const usable = this.check();
		if (usable !== 0) return segment.result(usable);
		if (this.version() !== version) return segment.result(Status.notEqual);
		const wait = this.beginWait(CHANGE, waker);
		// A set that this does not see finds the wait.
		if (wait < 0 || this.version() === version) return segment.result(wait);
		leave(segment, wait);
		return segment.result(Status.notEqual);
	}

	protected override abandon(): void {
		if (this.#lock.isHeld) this.#lock.release();
	}
}
