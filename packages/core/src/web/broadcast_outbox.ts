import type { Sender } from "../endpoint/types.ts";

/** How long the outbox waits for a receiver that does not read. What that receiver has not read then may be overwritten. */
const PATIENCE_MS = 1000;
/** How often the outbox looks whether all but the slow receivers have read. */
const LOOK_MS = 5;

/**
 * Sends frames in their order, and never blocks. The ring overwrites its oldest messages, so that no receiver holds up the others. To
 * give receivers the time to read, the outbox sends a share of the ring at a time and then waits until all have read it. A receiver that
 * has read nothing for {@link PATIENCE_MS} is not waited for any more, until it has caught up.
 *
 * A frame that has to wait is kept here. The process stays alive until it is sent.
 */
export class BroadcastOutbox {
	readonly #sender: Sender;
	/** How many bytes are sent before receivers must have read them. */
	readonly #share: number;
	readonly #frames: Uint8Array[] = [];
	readonly #failed: (error: unknown) => void;
	readonly #emptied: () => void;
	#bytes = 0;
	#sentOfShare = 0;
	/** How many receivers were behind when the outbox stopped waiting for them. */
	#slow = 0;
	#isPumping = false;

	constructor(sender: Sender, share: number, ends: { failed(error: unknown): void; emptied(): void }) {
		this.#sender = sender;
		this.#share = share;
		this.#failed = ends.failed;
		this.#emptied = ends.emptied;
	}

	/** The bytes that wait. */
	get byteLength(): number {
		return this.#bytes;
	}

	get isEmpty(): boolean {
		return !this.#isPumping;
	}

	add(frames: readonly Uint8Array[]): void {
		let next = 0;
		if (!this.#isPumping) while (next < frames.length && this.#trySend(frames[next] as Uint8Array)) next++;
		if (next === frames.length) return;
		for (const frame of frames.slice(next)) {
			this.#frames.push(frame);
			this.#bytes += frame.byteLength;
		}
		if (!this.#isPumping) this.#pump();
	}

	/** Returns false if receivers must read first, or another sender is just writing. */
	#trySend(frame: Uint8Array): boolean {
		if (this.#sentOfShare + frame.byteLength > this.#share || !this.#sender.trySend(frame)) return false;
		this.#sentOfShare += frame.byteLength;
		return true;
	}

	async #pump(): Promise<void> {
		this.#isPumping = true;
		try {
			// An index, because `shift` of a long array takes as long as the array is.
			for (let next = 0; next < this.#frames.length; next++) {
				const frame = this.#frames[next] as Uint8Array;
				if (this.#sentOfShare + frame.byteLength > this.#share) await this.#waitUntilRead();
				if (!this.#trySend(frame)) {
					await this.#sender.sendAsync(frame);
					this.#sentOfShare += frame.byteLength;
				}
				this.#bytes -= frame.byteLength;
				if (next >= 1023 && next * 2 >= this.#frames.length) {
					this.#frames.splice(0, next + 1);
					next = -1;
				}
			}
		} catch (error) {
			this.#failed(error);
		}
		this.#frames.length = 0;
		this.#bytes = 0;
		this.#isPumping = false;
		this.#emptied();
	}

	async #waitUntilRead(): Promise<void> {
		const deadline = performance.now() + PATIENCE_MS;
		for (;;) {
			const left = Math.max(0, deadline - performance.now());
			const timeout = this.#slow > 0 ? Math.min(left, LOOK_MS) : left;
			const { unread } = await this.#sender.flush({ timeout });
			if (unread <= this.#slow || left === 0) {
				this.#slow = unread;
				break;
			}
		}
		this.#sentOfShare = 0;
	}
}
