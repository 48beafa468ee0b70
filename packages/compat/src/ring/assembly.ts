import { headerWord } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { isAlive } from "../segment/slots.ts";

/** Messages put together from fragments, each in memory of its own: `native/src/assembly.h`. */
const { head: HEAD } = headerWord;

/** Larger ones go back to the system. */
const SPARE_BYTES = 16 << 20;

/** What a fragment says of itself: copied, and nothing of it trusted but that its bytes lie in the ring. */
export interface FragmentCopy {
	instance: number;
	message: number;
	oldest: number;
	first: number;
	total: number;
	offset: number;
}

interface Part {
	readonly instance: number;
	readonly message: number;
	readonly total: number;
	received: number;
	/** Its sender was found gone, and nothing that it sent lies at or past this position. */
	isOrphan: boolean;
	until: number;
	/** Its own memory: there from the start, so that going on in it cannot fail. At least as long as the message. */
	readonly own: Uint8Array<ArrayBuffer>;
	/** Where it is put together: that, or the target. */
	at: Uint8Array;
}

/** What became of a fragment: taken in, or nothing of ours; a message is whole; the last of one whose first was not seen; no memory. */
export const Step = { more: 0, whole: 1, missed: 2, noSpace: 3 } as const;

export class Assembly {
	#parts: Part[] = [];
	/** The one whose last fragment lies at the receiver's position. */
	#whole: Part | undefined;
	/** Where the caller of a receive wants the message; nobody waits, or it is in use: undefined. */
	#target: Uint8Array | undefined;
	#targetBytes = 0;
	/** The memory of the last message, for the next one of at most as many bytes. */
	#spare: Uint8Array<ArrayBuffer> | undefined;
	/** Why {@link room} found none. */
	step: number = Step.more;

	get isWhole(): boolean {
		return this.#whole !== undefined;
	}

	#drop(part: Part, keepsMemory: boolean): void {
		this.#parts.splice(this.#parts.indexOf(part), 1);
		if (part === this.#whole) this.#whole = undefined;
		const { length } = part.own;
		if (!keepsMemory && length <= SPARE_BYTES && length > (this.#spare?.length ?? 0)) this.#spare = part.own;
	}

	/**
	 * Whether the sender of a part is gone and all is read that it sent before: that it is gone does not mean that it did not
	 * finish. What it sent lies before the head that is loaded once it is gone.
	 */
	#isLeftBehind(part: Part, segment: Segment, position: number): boolean {
		if (part.isOrphan) return ((position - part.until) | 0) >= 0;
		if (isAlive(segment, part.instance)) return false;
		part.isOrphan = true;
		part.until = Atomics.load(segment.words, HEAD);
		return false;
	}

	/** Drops what the sender has given up, and what senders have left behind that are gone. */
	#dropUnfinished(segment: Segment, position: number, by: FragmentCopy): void {
		for (const part of [...this.#parts]) {
			const isGivenUp =
				part.instance === by.instance
					? ((part.message - by.oldest) | 0) < 0
					: this.#isLeftBehind(part, segment, position);
			if (isGivenUp) this.#drop(part, false);
		}
	}

	#begin({ instance, message, total }: FragmentCopy): Part | undefined {
		let own = this.#spare;
		if (own && own.length >= total) {
			this.#spare = undefined;
		} else {
			try {
				own = new Uint8Array(total);
			} catch {
				return undefined;
			}
		}
		const part: Part = { instance, message, total, received: 0, isOrphan: false, until: 0, own, at: own };
		if (this.#target && this.#targetBytes >= total) {
			part.at = this.#target;
			this.#target = undefined;
		}
		this.#parts.push(part);
		return part;
	}

	#find({ instance, message }: FragmentCopy): Part | undefined {
		for (const part of this.#parts) if (part.instance === instance && part.message === message) return part;
		return undefined;
	}

	/** Where the bytes of the fragment at `position` go, at its offset; undefined: they are not wanted, and `step` tells why. */
	room(segment: Segment, position: number, fragment: FragmentCopy, length: number): Uint8Array | undefined {
		let part = this.#find(fragment);
		if (!part && fragment.offset === 0) {
			this.#dropUnfinished(segment, position, fragment);
			part = this.#begin(fragment);
			this.step = Step.noSpace;
			return part?.at;
		}
		this.step = fragment.offset + length === fragment.total ? Step.missed : Step.more;
		return part && part.total === fragment.total && part.received === fragment.offset ? part.at : undefined;
	}

	/** The bytes are in the room: what is there now. */
	add(fragment: FragmentCopy, length: number): number {
		const part = this.#find(fragment) as Part;
		part.received += length;
		if (part.received < part.total) return Step.more;
		this.#whole = part;
		return Step.whole;
	}

	/**
	 * The memory of whoever receives: a message that begins now and fits is put together there. Given back before anything
	 * else is written to it, and when the receive ends: a part that was begun in it goes on in its own memory.
	 */
	lendTarget(target: Uint8Array, capacity: number): void {
		this.#target = target;
		this.#targetBytes = capacity;
	}

	giveTargetBack(): void {
		this.#target = undefined;
		for (const part of this.#parts) {
			if (part.at === part.own) continue;
			part.own.set(part.at.subarray(0, part.received));
			part.at = part.own;
		}
	}

	/** The length of the whole message; there is one. */
	get length(): number {
		return (this.#whole as Part).total;
	}

	/** The whole message goes to `target`, unless it was put together there. */
	finishInto(target: Uint8Array): void {
		const whole = this.#whole as Part;
		if (whole.at !== target) {
			this.giveTargetBack(); // another may have begun in it
			target.set(whole.own.subarray(0, whole.total));
		}
		this.#drop(whole, false);
	}

	/** The whole message without a copy, where its memory is no longer than it. */
	keep(): Uint8Array<ArrayBuffer> {
		const whole = this.#whole as Part;
		const fits = whole.own.length === whole.total && whole.at === whole.own;
		this.#drop(whole, fits);
		return fits ? whole.own : new Uint8Array(whole.at.subarray(0, whole.total));
	}

	/** Drops every part. */
	clear(): void {
		for (const part of [...this.#parts]) this.#drop(part, false);
	}
}
