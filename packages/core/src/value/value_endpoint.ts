import type { Endpoint, IterationOptions, PeerEvent } from "../endpoint/types.ts";

/** What senders and receivers of values have in common: it is that of the endpoint of bytes that they wrap. */
export abstract class ValueEndpoint<Bytes extends Endpoint> implements Endpoint {
	readonly #bytes: Bytes;

	constructor(bytes: Bytes) {
		this.#bytes = bytes;
	}

	get name(): string {
		return this.#bytes.name;
	}

	get closed(): boolean {
		return this.#bytes.closed;
	}

	get bytes(): Bytes {
		return this.#bytes;
	}

	peers(options?: IterationOptions): AsyncIterableIterator<PeerEvent> {
		return this.#bytes.peers(options);
	}

	close(): void {
		this.#bytes.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}
}
