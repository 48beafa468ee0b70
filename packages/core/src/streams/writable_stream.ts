import { optionNames } from "../check/option_names.ts";
import type { Message, Sender } from "../endpoint/types.ts";
import type { ValueSender } from "../value/value_types.ts";
import { type AnySender, checkSender, deliver } from "./deliver.ts";
import { checkStreamOptions, type StreamOptions } from "./stream_options.ts";

/**
 * A WHATWG stream that sends each chunk as a value. While the ring is full, or no receiver is open, `writer.ready` is pending and
 * `pipeTo` waits. When a write has resolved, its message is in the ring.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 * import { writableStream } from "libipc/streams";
 *
 * using receiver = Channel.receiver("numbers", { codec: json<number>() });
 * using sender = Channel.sender("numbers", { codec: json<number>() });
 * const writer = writableStream(sender).getWriter();
 * await writer.write(42);
 * console.log(receiver.tryRecv()); // 42
 */
export function writableStream<Value>(sender: ValueSender<Value>, options?: StreamOptions): WritableStream<Value>;
/**
 * A WHATWG stream that sends each chunk as a message.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { Channel } from "libipc";
 * import { writableStream } from "libipc/streams";
 *
 * using receiver = Channel.receiver("log");
 * using sender = Channel.sender("log");
 * const writer = writableStream(sender).getWriter();
 * await writer.write("started");
 * console.log(receiver.tryRecv()?.byteLength); // 7
 */
export function writableStream(sender: Sender, options?: StreamOptions): WritableStream<Message>;
export function writableStream(sender: AnySender, options?: StreamOptions): WritableStream<never> {
	const { close, highWaterMark = 1 } = checkStreamOptions("writableStream", options, optionNames.writableStream);
	checkSender("writableStream", sender);
	const end = (): void => {
		if (close) sender.close();
	};
	let aborted: AbortSignal;
	return new WritableStream<never>(
		{
			start(controller) {
				// It is aborted at once; `abort` below is called when the write that waits has ended. The types of Bun do not have it.
				aborted = (controller as unknown as { readonly signal: AbortSignal }).signal;
			},
			async write(message) {
				try {
					await deliver(sender, message, aborted);
				} catch (error) {
					end();
					throw error;
				}
			},
			close: end,
			abort: end,
		},
		{ highWaterMark },
	);
}
