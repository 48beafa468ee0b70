import type { Codec } from "../value/codec.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A codec for strings, as UTF-8. Of a string that is not well-formed, each lone surrogate becomes U+FFFD.
 *
 * @example
 * import { Channel } from "libipc";
 * import { text } from "libipc/codecs";
 *
 * using receiver = Channel.receiver("log", { codec: text() });
 * using sender = Channel.sender("log", { codec: text() });
 * sender.send("started");
 * console.log(receiver.recv()); // started
 */
export function text(): Codec<string> {
	return {
		id: "text",
		encode(value: unknown) {
			if (typeof value === "string") return value;
			throw new TypeError(`The codec "text" sends strings, not ${value === null ? "null" : typeof value}.`);
		},
		decode: (bytes) => decoder.decode(bytes),
		decodeText: (value) => value,
	};
}
