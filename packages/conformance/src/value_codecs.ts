import { create, type MessageShape } from "@bufbuild/protobuf";
import * as wkt from "@bufbuild/protobuf/wkt";
import { type FieldMask, FieldMaskSchema, type TimestampSchema } from "@bufbuild/protobuf/wkt";
import { json, structured, text } from "libipc/codecs";
import { type FlatBuffersValue, flatbuffers } from "libipc/codecs/flatbuffers";
import { msgpack } from "libipc/codecs/msgpack";
import { protobuf } from "libipc/codecs/protobuf";
import type { Codec } from "./under_test.ts";

/** A table with one field, a number, as flatc would generate it. */
export interface Count {
	count(): number;
}

export const counts: Codec<Count, FlatBuffersValue> = flatbuffers<Count>({
	name: "shop.Count",
	root: (buffer) => {
		const table = buffer.position() + buffer.readInt32(buffer.position());
		const field = buffer.__offset(table, 4);
		return { count: () => (field ? buffer.readInt32(table + field) : 0) };
	},
});

/** Builds such a table. */
export const countOf =
	(count: number): FlatBuffersValue =>
	(builder) => {
		builder.startObject(1);
		builder.addFieldInt32(0, count, 0);
		return builder.endObject();
	};

/** A user's own codec, which writes to the ring itself: a Float64Array. */
export const floats: Codec<Float64Array> = {
	id: "test.floats",
	into: {
		size: (value) => value.byteLength,
		write(value, target) {
			target.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
			return value.byteLength;
		},
	},
	decode: (bytes) => new Float64Array(bytes.slice().buffer),
};

const circle: Record<string, unknown> = { list: [1, undefined, "é\ud800"], date: new Date(1e12) };
circle.self = circle;

export type Paths = MessageShape<typeof FieldMaskSchema>;
export const paths = (...each: string[]): FieldMask => create(FieldMaskSchema, { paths: each });
export type Timestamp = MessageShape<typeof TimestampSchema>;
export const timestamps = protobuf(wkt.TimestampSchema);

/** A codec, and a value of it with every kind of thing that it sends. */
interface Sample {
	readonly codec: Codec<unknown, never>;
	readonly value: unknown;
	/** What tells whether a value is that one. */
	readonly show: (value: unknown) => unknown;
}

const itself = (value: unknown): unknown => value;

/** Every codec that comes with libipc, and one of a user. */
export const samples: Readonly<Record<string, Sample>> = {
	text: { codec: text(), value: "\ufeffespresso ☕ \ufffd", show: itself },
	json: { codec: json(), value: { id: 1, items: [null, "a", { b: true }], n: -0.5 }, show: itself },
	structured: {
		codec: structured(),
		value: { circle, map: new Map([[{ a: 1 }, new Set([2n ** 70n])]]), re: /x/gi, bytes: Int16Array.of(-1, 7) },
		show(value) {
			const { circle, map, re, bytes } = value as {
				circle: typeof circle_;
				map: Map<unknown, Set<bigint>>;
				re: RegExp;
				bytes: Int16Array;
			};
			const { self, list, date } = circle;
			return [
				self === circle,
				list,
				String(date),
				[...map].map(([key, set]) => [key, String([...set])]),
				String(re),
				bytes,
			];
		},
	},
	msgpack: {
		codec: msgpack(),
		value: { id: 1, raw: Uint8Array.of(1, 2, 3), list: ["x".repeat(100), null, 1.5] },
		show: (value) => ({ ...(value as object), raw: [...(value as { raw: Uint8Array }).raw] }),
	},
	protobuf: {
		codec: protobuf(FieldMaskSchema),
		value: paths("a.b", "c"),
		show: (value) => (value as Paths).paths,
	},
	flatbuffers: {
		codec: counts,
		value: countOf(42),
		show: (value) => (typeof value === "function" ? 42 : (value as Count).count()),
	},
	floats: { codec: floats, value: Float64Array.of(1, 2.5, -3), show: itself },
};
const circle_ = circle as { self: unknown; list: unknown; date: Date };
