import type { ReceiverEndpoint } from "../endpoint/receiver.ts";
import { newId, type OpenedService } from "./opened_service.ts";

/** How many answers are handled before the event loop may do something else. */
const MOST_ANSWERS = 256;

/** A client under one id, with the ring of its answers. A request is run only as long as the ring of its id is open. */
export class ClientSession {
	readonly id: number = newId();
	readonly #ring: ReceiverEndpoint;
	readonly #handle: (frame: Uint8Array) => void;
	/** Calls that were sent under this id and are not over. */
	calls = 0;

	/** `lost`: called with the error if the ring cannot be read any more. */
	constructor(
		service: OpenedService,
		capacity: number | undefined,
		handle: (frame: Uint8Array, client: number) => void,
		lost: (session: ClientSession, error: unknown) => void,
	) {
		const { id } = this;
		this.#handle = (frame) => handle(frame, id);
		// The calls keep the process alive, not the ring.
		this.#ring = service.ring(this.id, capacity).unref();
		this.#receive().catch((error: unknown) => {
			if (!this.#ring.closed) lost(this, error);
		});
	}

	async #receive(): Promise<void> {
		const take = (): true | undefined => (this.drain(0) > 0 ? true : undefined);
		while (!this.#ring.closed) await this.#ring.receiveAsync(take, undefined);
	}

	/** Handles answers; waits up to `timeout` milliseconds for the first one. Returns how many there were. */
	drain(timeout: number): number {
		return this.#ring.drain(this.#handle, { timeout, max: MOST_ANSWERS });
	}

	close(): void {
		this.#ring.close();
	}
}
