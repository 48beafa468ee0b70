import type { SenderEndpoint } from "../endpoint/sender.ts";

/** How long a client may leave its ring full before it is dropped; more for large answers, which take their time. Milliseconds. */
const PATIENCE_MS = 5000;
const SLOWEST_BYTES_PER_MS = 10_000;

/** What a server has to do with one client. */
export class ClientConnection<Call> {
	/** The id of the client. */
	readonly id: number;
	/** The calls of the client that this server runs, by their numbers. */
	readonly calls = new Map<number, Call>();
	readonly #ring: SenderEndpoint;
	readonly #drop: () => void;
	readonly #gone: () => void;
	/** How many frames wait for space. */
	#waiting = 0;
	#closed = false;

	/** `drop`: called if the client does not read, or its ring cannot be used. `gone`: called if it is gone. */
	constructor(id: number, ring: SenderEndpoint, drop: () => void, gone: () => void) {
		this.id = id;
		this.#ring = ring;
		this.#drop = drop;
		this.#gone = gone;
	}

	get closed(): boolean {
		return this.#closed;
	}

	/** Whether the client is there. */
	get isGone(): boolean {
		return this.#closed || this.#ring.receiverCount === 0;
	}

	/**
	 * Sends a frame after those before it; true: it is in the ring. Otherwise returns a promise, whose value is false if the client is
	 * gone. The frame may be memory that is used again. Throws if it is too large.
	 */
	send(frame: Uint8Array): true | Promise<boolean> {
		if (this.#closed) return Promise.resolve(false);
		if (this.#waiting === 0 && this.#trySend(frame)) return true;
		if (this.#closed) return Promise.resolve(false);
		return this.#sendLater(frame.slice());
	}

	/** Sends a small frame now, also before those that wait: it may fit where they do not. */
	sendNow(frame: Uint8Array): boolean {
		return !this.#closed && this.#trySend(frame);
	}

	#trySend(frame: Uint8Array): boolean {
		try {
			return this.#ring.trySend(frame);
		} catch (error) {
			this.#failed(error);
			return false;
		}
	}

	async #sendLater(frame: Uint8Array): Promise<boolean> {
		this.#waiting++;
		const timeout = PATIENCE_MS + frame.byteLength / SLOWEST_BYTES_PER_MS;
		try {
			const sending = this.#ring.sendAsync(frame, { timeout });
			if (await sending) return true;
			if (this.#closed) return false;
			if (sending.refusal === "timed-out") this.#drop();
			else this.#gone();
			return false;
		} catch {
			if (!this.#closed) this.#drop();
			return false;
		} finally {
			this.#waiting--;
		}
	}

	#failed(error: unknown): void {
		if ((error as { code?: unknown }).code === "ERR_IPC_MESSAGE_TOO_LARGE") throw error;
		this.#drop();
	}

	/** The client is gone, or the server is closed. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#ring.close();
	}
}
