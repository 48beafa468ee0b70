/**
 * Protocol Buffers, by protobuf-es: an optional package, which the program installs.
 *
 * @module libipc/codecs/protobuf
 */
import {
	create,
	type DescMessage,
	fromBinary,
	isMessage,
	type MessageInitShape,
	type MessageShape,
	toBinary,
} from "@bufbuild/protobuf";
import type { Codec } from "../value/codec.ts";

const LONGEST_ID = 63;

/** `protobuf:shop.Order`; of a longer name the end, and a hash of all of it. */
function idOf(typeName: string): string {
	const id = `protobuf:${typeName}`;
	if (id.length <= LONGEST_ID) return id;
	let hash = 2166136261;
	for (let i = 0; i < typeName.length; i++) hash = Math.imul(hash ^ typeName.charCodeAt(i), 16777619);
	const end = `~${(hash >>> 0).toString(16).padStart(8, "0")}`;
	return `protobuf:~${typeName.slice(typeName.length - (LONGEST_ID - "protobuf:~".length - end.length))}${end}`;
}

/**
 * A codec for one type of Protocol Buffers messages. Needs the package `@bufbuild/protobuf`. The id of the codec has the name of the
 * type, so senders and receivers of another type are refused.
 *
 * A sender accepts a message, or what `create` makes one of. Fields of bytes belong to the receiver: the message is copied once.
 *
 * @param schema - What `protoc-gen-es` generates for the type, for example `OrderSchema`.
 * @example
 * import { TimestampSchema } from "@bufbuild/protobuf/wkt";
 * import { Channel } from "libipc";
 * import { protobuf } from "libipc/codecs/protobuf";
 *
 * using receiver = Channel.receiver("times", { codec: protobuf(TimestampSchema) });
 * using sender = Channel.sender("times", { codec: protobuf(TimestampSchema) });
 * sender.send({ seconds: 42n });
 * console.log(receiver.recv()?.seconds); // 42n
 */
export function protobuf<Schema extends DescMessage>(
	schema: Schema,
): Codec<MessageShape<Schema>, MessageInitShape<Schema>> {
	return {
		id: idOf(schema.typeName),
		encode: (value) => toBinary(schema, isMessage(value, schema) ? value : create(schema, value)),
		decode: (bytes) => fromBinary(schema, bytes),
		keepsBytes: true,
	};
}
