/**
 * MessagePack, by msgpackr: an optional package, which the program installs.
 *
 * @module libipc/codecs/msgpack
 */
import { type Options, Packr } from "msgpackr";
import type { Codec } from "../value/codec.ts";

/**
 * A codec for MessagePack, which programs in many languages read. Needs the package `msgpackr`.
 *
 * @typeParam Value - The type of the values.
 * @param options - Options of msgpackr's `Packr`. By default it writes plain MessagePack (`useRecords: false`), and what it reads does
 * not refer to the ring (`copyBuffers: true`). All endpoints of a name need the same options.
 * @example
 * import { Channel } from "libipc";
 * import { msgpack } from "libipc/codecs/msgpack";
 *
 * using receiver = Channel.receiver("orders", { codec: msgpack<{ id: number; raw: Uint8Array }>() });
 * using sender = Channel.sender("orders", { codec: msgpack<{ id: number; raw: Uint8Array }>() });
 * sender.send({ id: 1, raw: new Uint8Array(3) });
 * console.log(receiver.recv()?.raw.byteLength); // 3
 */
export function msgpack<Value = unknown>(options: Options = {}): Codec<Value> {
	const packr = new Packr({ useRecords: false, copyBuffers: true, ...options } as Options);
	return {
		id: "msgpack",
		encode: (value) => packr.pack(value),
		decode: (bytes) => packr.unpack(bytes),
	};
}
