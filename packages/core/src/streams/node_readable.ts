import { Readable } from "node:stream";
import { type AnyReceiver, Source } from "../adapter/source.ts";
import { invalid } from "../check/argument.ts";
import { optionNames } from "../check/option_names.ts";
import { checkStreamOptions, type StreamOptions } from "./stream_options.ts";

/**
 * A Node stream of the messages or values that a receiver gets, in object mode: each is one chunk. A message is taken when the stream
 * is read; until then it stays in the ring, where senders wait for space. The stream ends when the receiver was closed. An invalid
 * message destroys the stream, unless the receiver has `onInvalid`. So does a value that is null, which ends streams of Node.
 *
 * A `for await` loop over the stream loses nothing when it is left. Read by events or `pipe`, a stream of Node may hold one message that
 * nobody has read yet; it is lost if the stream is destroyed.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { Channel } from "libipc";
 * import { text } from "libipc/codecs";
 * import { nodeReadable } from "libipc/streams";
 *
 * using receiver = Channel.receiver("log", { codec: text() });
 * using sender = Channel.sender("log", { codec: text() });
 * sender.send("started");
 * for await (const line of nodeReadable(receiver)) {
 *   console.log(line); // started
 *   break;
 * }
 */
export function nodeReadable(receiver: AnyReceiver, options?: StreamOptions): Readable {
	const { close, highWaterMark = 0 } = checkStreamOptions("nodeReadable", options, optionNames.readableStream);
	const source = new Source<unknown>("nodeReadable", receiver);
	return new ReceiverReadable(source, highWaterMark, () => {
		if (close) receiver.close();
	});
}

class ReceiverReadable extends Readable {
	readonly #source: Source<unknown>;
	readonly #end: () => void;
	readonly #destroyed = new AbortController();

	constructor(source: Source<unknown>, highWaterMark: number, end: () => void) {
		super({ objectMode: true, highWaterMark });
		this.#source = source;
		this.#end = end;
	}

	override _read(): void {
		this.#take((value) => this.push(value)).then(
			(isOpen) => {
				if (!isOpen) this.push(null);
			},
			(error) => this.destroy(error),
		);
	}

	#take(put: (value: unknown) => void): Promise<boolean> {
		const putChunk = (value: unknown): void => {
			if (value === null)
				throw invalid(
					this.#source.name,
					"null cannot be a chunk of a stream of Node. Send another value, or use readableStream.",
				);
			put(value);
		};
		return this.#source.next(putChunk, this.#destroyed.signal);
	}

	override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
		this.#destroyed.abort();
		this.#end();
		done(error);
	}

	/** The iterator of Node asks for the next chunk before the loop does, which would then be lost. */
	override async *[Symbol.asyncIterator](): NodeJS.AsyncIterator<unknown> {
		try {
			let isOpen = true;
			while (isOpen && !this.destroyed) {
				const held: unknown = this.readableLength > 0 ? this.read() : null;
				if (held !== null) {
					yield held;
					continue;
				}
				const taken: unknown[] = [];
				isOpen = await this.#take((value) => taken.push(value));
				yield* taken;
			}
			if (this.errored) throw this.errored;
		} catch (error) {
			// Destroyed while it waited: with an error, or without.
			throw this.errored ?? error;
		} finally {
			this.destroy();
		}
	}
}
