import { type AnyReceiver, Source } from "../adapter/source.ts";
import { optionNames } from "../check/option_names.ts";
import type { Receiver } from "../endpoint/types.ts";
import type { ValueReceiver } from "../value/value_types.ts";
import { checkStreamOptions, type StreamOptions } from "./stream_options.ts";

/**
 * A WHATWG stream of the values that a receiver gets. A value is taken when the reader asks for it; until then it stays in the ring,
 * where senders wait for space. It ends when the receiver was closed. An invalid message makes the stream fail, unless the receiver has
 * `onInvalid`.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { Channel } from "libipc";
 * import { text } from "libipc/codecs";
 * import { readableStream } from "libipc/streams";
 *
 * using receiver = Channel.receiver("log", { codec: text() });
 * using sender = Channel.sender("log", { codec: text() });
 * sender.send("started");
 * const reader = readableStream(receiver).getReader();
 * console.log((await reader.read()).value); // started
 */
export function readableStream<Value>(receiver: ValueReceiver<Value>, options?: StreamOptions): ReadableStream<Value>;
/**
 * A WHATWG stream of the messages that a receiver gets, each as one chunk of bytes.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { Channel } from "libipc";
 * import { readableStream } from "libipc/streams";
 *
 * using receiver = Channel.receiver("log");
 * using sender = Channel.sender("log");
 * sender.send("started");
 * const reader = readableStream(receiver).getReader();
 * console.log((await reader.read()).value?.byteLength); // 7
 */
export function readableStream(receiver: Receiver, options?: StreamOptions): ReadableStream<Uint8Array<ArrayBuffer>>;
export function readableStream(receiver: AnyReceiver, options?: StreamOptions): ReadableStream<unknown> {
	const { close, highWaterMark = 0 } = checkStreamOptions("readableStream", options, optionNames.readableStream);
	const source = new Source<unknown>("readableStream", receiver);
	const cancelled = new AbortController();
	const end = (): void => {
		if (close) receiver.close();
	};
	return new ReadableStream<unknown>(
		{
			async pull(controller) {
				try {
					if (!(await source.next((value) => controller.enqueue(value), cancelled.signal))) controller.close();
				} catch (error) {
					if (cancelled.signal.aborted) return;
					end();
					throw error;
				}
			},
			cancel() {
				cancelled.abort();
				end();
			},
		},
		{ highWaterMark },
	);
}
