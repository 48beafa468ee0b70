import { headerWord } from "@libipc/protocol";
import type { Segment } from "../segment/segment.ts";
import { isAlive } from "../segment/slots.ts";

/** Messages put together from fragments, each in its own memory: `native/src/assembly.h`. */
const { head: HEAD } = headerWord;

/** Larger memory is not kept for the next message. */
const SPARE_BYTES = 16 << 20;

/** `ipc_fragment`. What a receiver has copied of it is not trusted; only that the bytes lie in the ring is known. */
export interface Fragment {
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
	/** Its sender is gone, and nothing that it sent lies at or past `until`. */
	isOrphan: boolean;
	until: number;
	/** Its own memory, at least as long as the message. It is allocated at the start, so that no later step can fail. */
	readonly own: Uint8Array<ArrayBuffer>;
	/** Where it is put together: `own`, or the target of a receive. */
	at: Uint8Array;
}

/**
 * The result of a fragment. `more`: it was taken in, or is not needed. `whole`: it completes a message. `missed`: it is the last of a
 * message whose first fragment was not seen. `noSpace`: there is no memory.
 */
export const Step = { more: 0, whole: 1, missed: 2, noSpace: 3 } as const;

export class Assembly {
	#parts: Part[] = [];
	/** The message whose last fragment lies at the receiver's position. */
	#whole: Part | undefined;
	/** Where the caller of a receive wants the message. `undefined`: no call is running, or a message is put together there. */
	#target: Uint8Array | undefined;
	#targetBytes = 0;
	/** The memory of the last message, for the next one of at most as many bytes. */
	#spare: Uint8Array<ArrayBuffer> | undefined;
	/** Why {@link room} returned none. */
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
	 * Whether the sender of a part is gone and everything that it sent has been read. A sender that is gone may have finished the
	 * message before. What it sent lies before the head that is loaded after it is gone.
	 */
	#isLeftBehind(part: Part, segment: Segment, position: number): boolean {
		if (part.isOrphan) return ((position - part.until) | 0) >= 0;
		if (isAlive(segment, part.instance)) return false;
		part.isOrphan = true;
		part.until = Atomics.load(segment.words, HEAD);
		return false;
	}

	/** Drops the messages that this sender has given up, and those that other senders have left unfinished and are gone. */
	#dropUnfinished(segment: Segment, position: number, by: Fragment): void {
		for (const part of [...this.#parts]) {
			const isGivenUp =
				part.instance === by.instance
					? ((part.message - by.oldest) | 0) < 0
					: this.#isLeftBehind(part, segment, position);
			if (isGivenUp) this.#drop(part, false);
		}
	}

	#begin({ instance, message, total }: Fragment): Part | undefined {
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

	#find({ instance, message }: Pick<Fragment, "instance" | "message">): Part | undefined {
		for (const part of this.#parts) if (part.instance === instance && part.message === message) return part;
		return undefined;
	}

	/** Whether nothing has been taken in. */
	get isEmpty(): boolean {
		return this.#parts.length === 0;
	}

	/** Whether there is a part that this fragment continues, or has completed. */
	has(fragment: Pick<Fragment, "instance" | "message">): boolean {
		return this.#find(fragment) !== undefined;
	}

	/** Drops the whole message. Only if {@link isWhole}. */
	drop(): void {
		this.#drop(this.#whole as Part, false);
	}

	/** Where the bytes of the fragment at `position` go, at its offset. `undefined`: they are not needed, and `step` says why. */
	room(segment: Segment, position: number, fragment: Fragment, length: number): Uint8Array | undefined {
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

	/** The bytes of the fragment are in the room: the result. */
	add(fragment: Fragment, length: number): number {
		const part = this.#find(fragment) as Part;
		part.received += length;
		if (part.received < part.total) return Step.more;
		this.#whole = part;
		return Step.whole;
	}

	/**
	 * Lends the memory of the caller that receives: a message that begins now and fits is put together there. The memory is given
	 * back before anything else is written to it, and when the receive ends. A message begun there continues in its own memory.
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

	/** The length of the whole message. Only if {@link isWhole}. */
	get length(): number {
		return (this.#whole as Part).total;
	}

	/** Copies the whole message to `target`, unless it was put together there. */
	finishInto(target: Uint8Array): void {
		const whole = this.#whole as Part;
		if (whole.at !== target) {
			this.giveTargetBack(); // another message may have begun there
			target.set(whole.own.subarray(0, whole.total));
		}
		this.#drop(whole, false);
	}

	/** The whole message, without a copy if its memory is not longer than the message. */
	take(): Uint8Array<ArrayBuffer> {
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
