import { stamp as at, type Engine, type EngineSender, type PresentSender, STAMP_BYTES, Status } from "@libipc/protocol";
import { viewOfBytes } from "../check/bytes.ts";
import { LARGEST_KEPT, LOOP_BYTES, SMALL } from "./kept_memory.ts";
import { StampedEndpoint } from "./stamped_endpoint.ts";

/** The time in the progress of a message that `startPart` has made: its low and its high 32 bits. */
const PROGRESS_WORDS = 3;

/**
 * A sender of an engine on a name with stamps, as if it had none: it writes one before each message. Endpoints of names without
 * stamps do not use it, so that stamps cost them nothing.
 */
export class StampedSender extends StampedEndpoint<EngineSender> implements EngineSender {
	readonly maxMessageLength: number;
	readonly maxRecordLength: number;
	readonly maxLoanLength: number;
	readonly stamp: number;
	/** The stamp and the message that are sent next. No code of the caller gets it. */
	#memory = new Uint8Array(STAMP_BYTES + SMALL);
	/** The message that `sendPart` sends, with its stamp, and which message that is. */
	#part: Uint8Array | undefined;
	#partOf: Uint32Array | undefined;

	constructor(engine: EngineSender, now: () => number) {
		super(engine, now);
		this.stamp = engine.stamp;
		this.maxMessageLength = engine.maxMessageLength - STAMP_BYTES;
		this.maxRecordLength = engine.maxRecordLength - STAMP_BYTES;
		this.maxLoanLength = engine.maxLoanLength - STAMP_BYTES;
	}

	/** Writes a stamp to memory at a multiple of 8. */
	#write({ buffer, byteOffset }: Uint8Array, offset: number, low: number, high: number): void {
		const words = new Uint32Array(buffer, byteOffset + offset, STAMP_BYTES / 4);
		words[at.sender / 4] = this.stamp;
		words[at.reserved / 4] = 0;
		words[at.sentAt / 4] = low;
		words[at.sentAt / 4 + 1] = high;
	}

	#writeNow(memory: Uint8Array, offset: number): void {
		const now = this.now();
		this.#write(memory, offset, now % 2 ** 32, now / 2 ** 32);
	}

	/** A message with a stamp before it, in memory that is used again. */
	#stamped(bytes: Uint8Array, length: number): Uint8Array {
		let memory = this.#memory;
		if (memory.byteLength < STAMP_BYTES + length) {
			memory = new Uint8Array(STAMP_BYTES + length);
			if (memory.byteLength <= LARGEST_KEPT) this.#memory = memory;
		}
		this.#writeNow(memory, 0);
		copyMessage(memory, bytes, length);
		return memory;
	}

	send(bytes: Uint8Array, length: number, timeout: number): number {
		return this.engine.send(this.#stamped(bytes, length), STAMP_BYTES + length, timeout);
	}

	stage(bytes: Uint8Array, length: number): number {
		return this.engine.stage(this.#stamped(bytes, length), STAMP_BYTES + length);
	}

	startPart(): Uint32Array {
		const progress = new Uint32Array(PROGRESS_WORDS);
		const now = this.now();
		progress[1] = now % 2 ** 32;
		progress[2] = now / 2 ** 32;
		return progress;
	}

	sendPart(bytes: Uint8Array, length: number, progress: Uint32Array): number {
		// Messages are sent one after another, but a wait may end in between, and the next message begin.
		if (this.#partOf !== progress || !this.#part) {
			this.#part = new Uint8Array(STAMP_BYTES + length);
			this.#partOf = progress;
			this.#write(this.#part, 0, progress[1] as number, progress[2] as number);
			copyMessage(this.#part, bytes, length);
		}
		const status = this.engine.sendPart(this.#part, STAMP_BYTES + length, progress);
		if (status !== Status.timedOut) this.#forgetPart();
		return status;
	}

	abortPart(): void {
		this.#forgetPart();
		this.engine.abortPart();
	}

	#forgetPart(): void {
		this.#part = this.#partOf = undefined;
	}

	flush(timeout: number, accepted: Uint32Array): number {
		return this.engine.flush(timeout, accepted);
	}

	/** The time of the call, before it waits for space: what is sent in place by `send` has that, too. */
	loan(length: number, timeout: number): number {
		const now = this.now();
		const offset = this.engine.loan(STAMP_BYTES + length, timeout);
		if (offset < 0) return offset;
		this.#write(this.engine.ring(), offset, now % 2 ** 32, now / 2 ** 32);
		return offset + STAMP_BYTES;
	}

	stampLoan(offset: number): void {
		this.#writeNow(this.engine.ring(), offset - STAMP_BYTES);
	}

	endLoan(offset: number, length: number): number {
		return this.engine.endLoan(offset - STAMP_BYTES, length < 0 ? length : STAMP_BYTES + length);
	}

	ring(): Uint8Array {
		return this.engine.ring();
	}

	takeOver(timeout: number): number | PresentSender {
		return this.engine.takeOver(timeout);
	}

	receiverCount(): number {
		return this.engine.receiverCount();
	}

	observerCount(): number {
		return this.engine.observerCount();
	}

	waitForReceivers(count: number, timeout: number): number {
		return this.engine.waitForReceivers(count, timeout);
	}

	readPoint(point: Uint32Array): number {
		return this.engine.readPoint(point);
	}

	pollRead(point: Uint32Array): number {
		return this.engine.pollRead(point);
	}

	endReadWaits(): void {
		this.engine.endReadWaits();
	}

	override close(): void {
		this.#forgetPart();
		super.close();
	}
}

/** Copies a message behind its stamp. `bytes` may be an object of the caller: only its elements and its memory are read. */
function copyMessage(memory: Uint8Array, bytes: Uint8Array, length: number): void {
	if (length <= LOOP_BYTES) for (let i = 0; i < length; i++) memory[STAMP_BYTES + i] = bytes[i] as number;
	else memory.set(viewOfBytes(bytes, length), STAMP_BYTES);
}

/** The sender for the endpoints of a name: with stamps, if the name has them. */
export const withStamps = (engine: Engine, sender: EngineSender): EngineSender =>
	sender.stamp === 0 ? sender : new StampedSender(sender, () => engine.now());
