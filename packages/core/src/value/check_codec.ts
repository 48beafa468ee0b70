import { limits } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import type { Codec, CodecEndpoint, CodecInto } from "./codec.ts";

/** A codec whose properties were read once, and are of the right types. */
type ReadCodec = Omit<Codec<unknown, never>, "forEndpoint">;

/** The codec of one endpoint. */
export interface AnyCodec extends ReadCodec {
	/** The codec of another endpoint, or for messages whose order is another one: the same codec, if it has no state. */
	renew(): AnyCodec;
}

const LONGEST_ID = limits.codecBytes;

/** Checks the codec of an endpoint, and starts its state. */
export function checkCodec(of: CodecEndpoint, given: unknown): AnyCodec {
	const codec = readCodec(of.name, given);
	const forEndpoint: unknown = (given as Codec<unknown, never>).forEndpoint;
	if (forEndpoint === undefined) {
		const stateless: AnyCodec = { ...codec, renew: () => stateless };
		return stateless;
	}
	const what = `The codec ${JSON.stringify(codec.id)}`;
	if (typeof forEndpoint !== "function")
		throw invalid(of.name, `${what} has a forEndpoint that is not a function, but ${show(forEndpoint)}.`);
	const renew = (): AnyCodec => {
		const own = readCodec(of.name, forEndpoint.call(given, of));
		if (own.id === codec.id) return { ...own, renew };
		throw invalid(of.name, `${what} returned a codec with another id from forEndpoint: ${JSON.stringify(own.id)}.`);
	};
	return renew();
}

/** Reads the properties of a codec once: what a getter returns later has no effect on the id that the name carries. */
export function readCodec(endpoint: string, given: unknown): ReadCodec {
	if (given === null || (typeof given !== "object" && typeof given !== "function"))
		throw invalid(endpoint, `codec must be an object with id, encode and decode, such as json(), not ${show(given)}.`);
	const { id, encode, into, decode, decodeText, keepsBytes } = given as { readonly [Name in keyof ReadCodec]: unknown };
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
		encode: into === undefined ? bound(encode as ReadCodec["encode"]) : undefined, // not used beside `into`
		into: into as ReadCodec["into"],
		decode: (decode as ReadCodec["decode"]).bind(given),
		decodeText: bound(decodeText as ReadCodec["decodeText"]),
		keepsBytes: keepsBytes === true,
	};
}
