import { create, type MessageShape } from "@bufbuild/protobuf";
import { type FieldMask, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import type { Codec } from "libipc";
import { json, structured, text } from "libipc/codecs";
import { flatbuffers } from "libipc/codecs/flatbuffers";
import { msgpack } from "libipc/codecs/msgpack";
import { protobuf } from "libipc/codecs/protobuf";

/** A codec with a value of it, and what a program would call without libipc. */
export interface Measured {
	readonly codec: Codec<unknown, unknown>;
	readonly value: unknown;
}

const order = { id: 4711, item: "espresso", amount: 2, price: 3.5 };
const mask: FieldMask = create(FieldMaskSchema, { paths: ["espresso", "4711", "2"] });
const table = flatbuffers({ name: "bench.Count", root: (buffer) => buffer.readInt32(buffer.position()) });
const build = (builder: {
	startObject(fields: number): void;
	addFieldInt32(field: number, value: number, standard: number): void;
	endObject(): number;
}): number => {
	builder.startObject(1);
	builder.addFieldInt32(0, 4711, 0);
	return builder.endObject();
};

const measured = <Value, Sent>(codec: Codec<Value, Sent>, value: Sent): Measured => ({
	codec: codec as Codec<unknown, unknown>,
	value,
});

/** What the benchmark measures; the values are small, so that what libipc adds shows. */
export const codecs: Readonly<Record<string, Measured>> = {
	json: measured(json(), order),
	text: measured(text(), "4711 espresso, 2 at 3.50, for here"),
	structured: measured(structured(), order),
	msgpack: measured(msgpack(), order),
	protobuf: measured<MessageShape<typeof FieldMaskSchema>, FieldMask>(protobuf(FieldMaskSchema), mask),
	flatbuffers: measured(table, build),
};
