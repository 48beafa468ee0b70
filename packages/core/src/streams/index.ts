/**
 * Streams over endpoints, for `libipc/streams`.
 *
 * @module @libipc/core/streams
 */
export type { AnyReceiver } from "../adapter/source.ts";
export type { AnySender } from "./deliver.ts";
export { nodeReadable } from "./node_readable.ts";
export { nodeWritable } from "./node_writable.ts";
export { readableStream } from "./readable_stream.ts";
export type { StreamOptions } from "./stream_options.ts";
export { writableStream } from "./writable_stream.ts";
