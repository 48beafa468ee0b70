/**
 * FlatBuffers, by the official runtime: an optional package, which the program installs.
 *
 * @module libipc/codecs/flatbuffers
 */
import { Builder, ByteBuffer } from "flatbuffers";
import type { Codec } from "../value/codec.ts";

/** An object of the object interface, for example `OrderT`. */
export interface FlatBuffersObject {
	/** Builds the table, and returns where it is. */
	readonly pack: (builder: Builder) => number;
}

/** What a sender accepts: an object of the object interface, or a function that builds the root table and returns where it is. */
export type FlatBuffersValue = FlatBuffersObject | ((builder: Builder) => number);

/** Which table a codec reads. */
export interface FlatBuffersTable<Table> {
	/**
	 * The name of the table, with its namespace, for example `shop.Order`: the id of the codec has it.
	 *
	 * @defaultValue none: it is required
	 */
	readonly name: string;
	/**
	 * Reads the root table: the generated `Order.getRootAsOrder`.
	 *
	 * @defaultValue none: it is required
	 */
	readonly root: (buffer: ByteBuffer) => Table;
}

/** Not in use at this moment. */
let idle: Builder | undefined;

/**
 * A codec for one table of FlatBuffers. Needs the package `flatbuffers`. What a receiver gets reads its fields from a copy of the message
 * when they are asked for. To read in the ring, without the copy, use the endpoint's `bytes.drain`.
 *
 * @param table - Which table.
 * @example
 * import { Channel } from "libipc";
 * import { flatbuffers } from "libipc/codecs/flatbuffers";
 *
 * // In a program: { name: "shop.Count", root: Count.getRootAsCount }, as flatc generates it. It has one field, a number.
 * const counts = flatbuffers({
 *   name: "shop.Count",
 *   root: (buffer) => {
 *     const table = buffer.position() + buffer.readInt32(buffer.position());
 *     const field = buffer.__offset(table, 4);
 *     return { count: () => (field ? buffer.readInt32(table + field) : 0) };
 *   },
 * });
 * using receiver = Channel.receiver("counts", { codec: counts });
 * using sender = Channel.sender("counts", { codec: counts });
 * sender.send((builder) => {
 *   builder.startObject(1);
 *   builder.addFieldInt32(0, 42, 0);
 *   return builder.endObject();
 * });
 * console.log(receiver.recv()?.count()); // 42
 */
export function flatbuffers<Table>({ name, root }: FlatBuffersTable<Table>): Codec<Table, FlatBuffersValue> {
	return {
		id: `flatbuffers:${name}`,
		encode(value) {
			const builder = idle ?? new Builder(1024);
			// The value builds itself: it may send another one meanwhile.
			idle = undefined;
			try {
				builder.clear();
				builder.finish(typeof value === "function" ? value(builder) : value.pack(builder));
				return builder.asUint8Array();
			} finally {
				idle = builder;
			}
		},
		decode: (bytes) => root(new ByteBuffer(bytes)),
		keepsBytes: true,
	};
}
