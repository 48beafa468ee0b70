/**
 * The format of the codec `structured`, version 1. It does not depend on the runtime: Bun, Node and Deno read what the others write,
 * which their own serializers do not.
 *
 * A message is the byte {@link VERSION}, and a value. A value is a tag, and what the tag needs. Numbers are little endian. A length or a
 * count is a varint: seven bits in each byte, the lowest first, and the eighth bit says that there is another byte.
 *
 * Objects are numbered in the order in which their values begin, from 0; {@link Tag.reference} names one of them. So circles and objects
 * that occur twice arrive as such.
 */
export const VERSION = 1;

export const Tag = {
	undefined: 0,
	null: 1,
	true: 2,
	false: 3,
	/** A varint n: the integer n >> 1, or with the lowest bit set -(n >> 1) - 1. Below 2^31 either way. */
	integer: 4,
	/** 8 bytes. */
	double: 5,
	/** A length, and so many bytes of UTF-8. */
	string: 6,
	/** A length in bytes, and UTF-16: of a string that is not well-formed. */
	string16: 7,
	/** A byte that is 1 if it is negative; a length, and so many bytes of the magnitude. */
	bigint: 8,
	/** The number of an object. */
	reference: 9,
	/** A count, and so many keys (strings without a tag: see `string`) with their values. */
	object: 10,
	/** A length, and so many values, each of which may be a {@link Tag.holes}. */
	array: 11,
	/** In an array: how many elements are missing here. */
	holes: 12,
	/** A length, a count, and so many indices (varints) with their values. */
	sparseArray: 13,
	/** A count, and so many keys with their values. */
	map: 14,
	/** A count, and so many values. */
	set: 15,
	/** 8 bytes: milliseconds since 1970. */
	date: 16,
	/** Two strings without tags: source and flags. */
	regexp: 17,
	/** Three values: name, message, stack; then a byte that is 1 if there is a cause, and the cause. */
	error: 18,
	/** A length, and so many bytes. */
	arrayBuffer: 19,
	/** The index of its class in {@link views}, a length in bytes, and so many bytes. */
	view: 20,
	/** A value: `new Number(1)` and so on. */
	boxed: 21,
} as const;

/** The classes of views. The numbers are part of the format: new ones come last. */
export const views = [
	"Int8Array",
	"Uint8Array",
	"Uint8ClampedArray",
	"Int16Array",
	"Uint16Array",
	"Int32Array",
	"Uint32Array",
	"Float32Array",
	"Float64Array",
	"BigInt64Array",
	"BigUint64Array",
	"DataView",
	"Float16Array",
] as const;

/** The names of errors that keep their class; all others become `Error`, as in a structured clone. */
export const errorNames = [
	"Error",
	"EvalError",
	"RangeError",
	"ReferenceError",
	"SyntaxError",
	"TypeError",
	"URIError",
];
