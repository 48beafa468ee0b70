import { limits } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import type { Codec, CodecInto } from "./codec.ts";

/** A codec whose properties were read once, and are of the right types. */
export type AnyCodec = Codec<unknown, never>;

const LONGEST_ID = limits.codecBytes;

/** Checks a codec. Its properties are read once: what a getter returns later has no effect on the id that the name carries. */
export function checkCodec(endpoint: string, given: unknown): AnyCodec {
	if (given === null || (typeof given !== "object" && typeof given !== "function"))
		throw invalid(endpoint, `codec must be an object with id, encode and decode, such as json(), not ${show(given)}.`);
	const { id, encode, into, decode, decodeText, keepsBytes } = given as { readonly [Name in keyof AnyCodec]: unknown };
	if (typeof id !== "string" || !/^[\x20-\x7e]+$/.test(id) || id.length > LONGEST_ID)
		throw invalid(
			endpoint,
			`The id of a codec must be a string of 1 to ${LONGEST_ID} characters of printable ASCII, not ${show(id)}.${typeof given === "function" ? " Was a call forgotten? json() is a codec, json makes one." : ""}`,
		);
	const what = `The codec ${JSON.stringify(id)}`;
	const check = (name: string, value: unknown): void => {
		if (typeof value !== "function")
			throw invalid(endpoint, `${what} needs a function ${name}; it was ${show(value)}.`);
	};
	if (into !== undefined) {
		if (into === null || typeof into !== "object")
			throw invalid(endpoint, `${what} has an into that is not an object, but ${show(into)}.`);
		check("into.size", (into as Partial<CodecInto<never>>).size);
		check("into.write", (into as Partial<CodecInto<never>>).write);
	} else check("encode", encode);
	check("decode", decode);
	if (decodeText !== undefined) check("decodeText", decodeText);
	if (keepsBytes !== undefined && typeof keepsBytes !== "boolean")
		throw invalid(endpoint, `${what} has a keepsBytes that is neither true nor false, but ${show(keepsBytes)}.`);
	const bound = <Call>(call: Call | undefined): Call | undefined =>
		typeof call === "function" ? (call.bind(given) as Call) : undefined;
	return {
		id,
		encode: bound(encode as AnyCodec["encode"]),
		into: into as AnyCodec["into"],
		decode: (decode as AnyCodec["decode"]).bind(given),
		decodeText: bound(decodeText as AnyCodec["decodeText"]),
		keepsBytes: keepsBytes === true,
	};
}
