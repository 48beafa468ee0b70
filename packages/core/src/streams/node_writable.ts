import { Writable } from "node:stream";
import { optionNames } from "../check/option_names.ts";
import { type AnySender, checkSender, deliver } from "./deliver.ts";
import { checkStreamOptions, type StreamOptions } from "./stream_options.ts";

/**
 * A Node stream that sends each chunk as a message or a value, in object mode. While the ring is full, or no receiver is open, `write`
 * returns false, and `pipe` and `pipeline` wait. When the callback of a write was called, its message is in the ring.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
 * @example
 * import { Readable } from "node:stream";
 * import { pipeline } from "node:stream/promises";
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 * import { nodeWritable } from "libipc/streams";
 *
 * using receiver = Channel.receiver("numbers", { codec: json<number>() });
 * using sender = Channel.sender("numbers", { codec: json<number>() });
 * await pipeline(Readable.from([1, 2, 3]), nodeWritable(sender));
 * console.log(receiver.recv(), receiver.recv(), receiver.recv()); // 1 2 3
 */
export function nodeWritable(sender: AnySender, options?: StreamOptions): Writable {
	const { close, highWaterMark = 1 } = checkStreamOptions("nodeWritable", options, optionNames.writableStream);
	checkSender("nodeWritable", sender);
	const destroyed = new AbortController();
	return new Writable({
		objectMode: true,
		highWaterMark,
		write(message, _, done) {
			deliver(sender, message, destroyed.signal).then(() => done(), done);
		},
		destroy(error, done) {
			destroyed.abort();
			if (close) sender.close();
			done(error);
		},
	});
}
