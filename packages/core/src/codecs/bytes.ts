import { uint8ArrayOf } from "../check/bytes.ts";
import type { Codec } from "../value/codec.ts";

/**
 * A codec for bytes, for what needs a codec: {@link Codec | codecs} that wrap another one, such as `sealed`. An endpoint without a codec
 * sends and receives bytes as well, with fewer copies.
 *
 * @example
 * import { Channel } from "libipc";
 * import { bytes } from "libipc/codecs";
 *
 * using receiver = Channel.receiver("frames", { codec: bytes() });
 * using sender = Channel.sender("frames", { codec: bytes() });
 * sender.send(new Uint8Array([1, 2, 3]));
 * console.log(receiver.recv()?.byteLength); // 3
 */
export function bytes(): Codec<Uint8Array> {
	return {
		id: "bytes",
		encode(value: unknown) {
			const view = uint8ArrayOf(value);
			if (view) return view;
			throw new TypeError(`The codec "bytes" sends a Uint8Array, not ${value === null ? "null" : typeof value}.`);
		},
		decode: (message) => message,
		keepsBytes: true,
	};
}
