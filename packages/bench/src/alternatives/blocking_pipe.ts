import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { type ChunkWriter, FrameBroadcast } from "./frame_broadcast.ts";
import { enlargePipe } from "./pipe_size.ts";
import { receiverProcesses } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";

export const name = "pipe, blocking";

/**
 * A named pipe for each receiver, read and written by calls that block: length-prefixed frames, many of them in one write.
 * The fastest that the runtimes have without shared memory, for programs that do nothing else than send or receive.
 */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	options.signal?.throwIfAborted();
	using directory = new TemporaryDirectory();
	using cleanup = new DisposableStack();
	const address = (receiver: number): string => join(directory.path, String(receiver));
	const writers = Array.from({ length: options.receivers }, (_, receiver) => {
		const pipe = cleanup.use(new BlockingPipe(address(receiver)));
		return ((chunk) => pipe.write(chunk)) satisfies ChunkWriter;
	});
	await using receivers = receiverProcesses(options, { program: "blocking_pipe.program.ts", address });
	return await measureRounds(name, options, receivers, new FrameBroadcast(writers, options.max));
}

class BlockingPipe implements Disposable {
	readonly #path: string;
	/** Open for reading too, so that neither side waits for the other one when it opens. Undefined after the first write. */
	#guard: number | undefined;
	#descriptor: number | undefined;

	constructor(path: string) {
		this.#path = path;
		const { status, stderr } = spawnSync("mkfifo", [path], { encoding: "utf8" });
		if (status !== 0) throw new Error(`mkfifo ${path}: ${stderr}`);
		this.#guard = openSync(path, "r+");
		enlargePipe(this.#guard);
	}

	/** The receiver is there: it has reported that it is ready. */
	write(chunk: Buffer): Promise<void> | undefined {
		this.#descriptor ??= openSync(this.#path, "w");
		// From here on a receiver that has ended is an error, and not a pipe that stays full.
		this.#closeGuard();
		try {
			for (let written = 0; written < chunk.length; ) written += writeSync(this.#descriptor, chunk, written);
			return undefined;
		} catch (error) {
			// The reports of the receiver say better why it has ended: wait for them.
			if ((error as NodeJS.ErrnoException).code === "EPIPE") return new Promise(() => {});
			throw error;
		}
	}

	#closeGuard(): void {
		if (this.#guard === undefined) return;
		closeSync(this.#guard);
		this.#guard = undefined;
	}

	[Symbol.dispose](): void {
		this.#closeGuard();
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
	}
}
