import type { Codec } from "../value/codec.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A codec for what JSON can say. A value arrives as `JSON.parse(JSON.stringify(value))`: a Date as a string, for example, and without
 * properties that are undefined. What JSON has no text for (a function, a symbol, a BigInt, a circle) is a `TypeError` where it is sent.
 *
 * The type of the values is a claim of the program: a `schema` checks it.
 *
 * @typeParam Value - The type of the values.
 * @example
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 *
 * interface Order {
 *   id: number;
 *   items: string[];
 * }
 * using receiver = Channel.receiver("orders", { codec: json<Order>() });
 * using sender = Channel.sender("orders", { codec: json<Order>() });
 * sender.send({ id: 1, items: ["espresso"] });
 * console.log(receiver.recv()?.items[0]); // espresso
 */
export function json<Value = unknown>(): Codec<Value> {
	return {
		id: "json",
		encode(value) {
			const text: string | undefined = JSON.stringify(value);
			if (text === undefined) throw new TypeError(`JSON has no text for ${typeof value}.`);
			return text;
		},
		decode: (bytes) => JSON.parse(decoder.decode(bytes)),
		decodeText: JSON.parse,
	};
}
