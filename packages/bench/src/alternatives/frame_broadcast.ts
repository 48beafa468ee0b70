import { FrameBatch } from "./frame_batch.ts";
import type { Broadcast } from "./rounds.ts";

/** How one receiver's byte stream takes a chunk: a promise when it needs time, and the chunk unchanged until then. */
export type ChunkWriter = (chunk: Buffer) => Promise<void> | undefined;

/** About a thousand messages a write; 8 KiB took twice as long per message, 1 MiB gained nothing more. */
const CHUNK_BYTES = 128 * 1024;

/** Messages framed once, many to a chunk, and each chunk written to every receiver. */
export class FrameBroadcast implements Broadcast {
	readonly #batch: FrameBatch;
	readonly #writers: readonly ChunkWriter[];

	constructor(writers: readonly ChunkWriter[], max: number) {
		this.#batch = new FrameBatch(Math.max(CHUNK_BYTES, 2 * max));
		this.#writers = writers;
	}

	send(message: Uint8Array): Promise<void> | undefined {
		if (this.#batch.add(message)) return undefined;
		const pressure = this.flush();
		if (pressure === undefined) {
			this.#batch.add(message);
			return undefined;
		}
		return pressure.then(() => void this.#batch.add(message));
	}

	flush(): Promise<void> | undefined {
		const chunk = this.#batch.take();
		const pending: Promise<void>[] = [];
		for (const write of this.#writers) {
			const pressure = write(chunk);
			if (pressure !== undefined) pending.push(pressure);
		}
		return pending.length === 0 ? undefined : Promise.all(pending).then(() => {});
	}
}
