import type { Socket } from "bun";

/** Writes whole chunks to a Bun socket, which takes only as much as its kernel buffer has room for. */
export class SocketWriter {
	readonly #socket: Socket<SocketWriter>;
	#rest: Buffer | undefined;
	#written: PromiseWithResolvers<void> | undefined;

	constructor(socket: Socket<SocketWriter>) {
		this.#socket = socket;
	}

	/** A promise when the socket did not take all of it; one chunk at a time. */
	write(chunk: Buffer): Promise<void> | undefined {
		const written = this.#socket.write(chunk);
		if (written === chunk.length) return undefined;
		// A negative number means closed: the launcher reports the end of the receiver, and nothing more is sent to it.
		this.#rest = chunk.subarray(Math.max(0, written));
		this.#written = Promise.withResolvers();
		return this.#written.promise;
	}

	/** There is room again. */
	drain(): void {
		if (this.#rest === undefined) return;
		const written = this.#socket.write(this.#rest);
		this.#rest = this.#rest.subarray(Math.max(0, written));
		if (this.#rest.length > 0) return;
		this.#rest = undefined;
		this.#written?.resolve();
	}
}
