import { invalid, show } from "../check/argument.ts";
import { uint8ArrayOf } from "../check/bytes.ts";
import type { AnyCodec } from "../value/check_codec.ts";
import type { CodecInto } from "../value/codec.ts";

const encoder = new TextEncoder();
/** The memory that is kept for the next frame. */
const KEPT_BYTES = 65_536;
/** Up to so many UTF-16 units, a text is given the most bytes that it can take. */
const SHORT_TEXT = 4096;

/** Turns values into frames with a codec. */
export class Packer {
	readonly #name: string;
	readonly #codec: AnyCodec;
	#memory: Uint8Array<ArrayBuffer> = new Uint8Array(1024);

	constructor(name: string, codec: AnyCodec) {
		this.#name = name;
		this.#codec = codec;
	}

	/**
	 * A frame with room for a header of `header` bytes, and a value behind it. It is valid until the next call. The codec is code of the
	 * caller, which may use this object: only afterwards is the memory of the frame used.
	 */
	pack(header: number, value: unknown): Uint8Array {
		const encoded = this.encode(value);
		if (typeof encoded !== "string") {
			const frame = this.#memoryOf(header + encoded.byteLength);
			frame.set(encoded, header);
			return frame;
		}
		const most = encoded.length <= SHORT_TEXT ? encoded.length * 3 : Buffer.byteLength(encoded);
		const memory = this.#memoryOf(header + most);
		const { written } = encoder.encodeInto(encoded, memory.subarray(header));
		return memory.subarray(0, header + written);
	}

	/** The encoded value: a text, or bytes that are valid until the codec is used again. */
	encode(value: unknown): Uint8Array | string {
		const { encode, into, id } = this.#codec;
		if (!encode) return this.#written(into as CodecInto<unknown>, value);
		const encoded: unknown = encode(value as never);
		if (typeof encoded === "string") return encoded;
		const view = uint8ArrayOf(encoded);
		if (view) return view;
		throw invalid(
			this.#name,
			`encode of the codec ${JSON.stringify(id)} must return a Uint8Array or a string, not ${show(encoded)}. Nothing was sent.`,
		);
	}

	#written(into: CodecInto<unknown>, value: unknown): Uint8Array {
		const most = into.size(value);
		const memory = new Uint8Array(most);
		const length = into.write(value, memory);
		if (Number.isInteger(length) && length >= 0 && length <= memory.byteLength) return memory.subarray(0, length);
		throw invalid(
			this.#name,
			`into.write of the codec ${JSON.stringify(this.#codec.id)} returned ${show(length)}, and into.size had said at most ${most} bytes. Nothing was sent.`,
		);
	}

	#memoryOf(byteLength: number): Uint8Array<ArrayBuffer> {
		if (byteLength > KEPT_BYTES) return new Uint8Array(byteLength);
		if (this.#memory.byteLength < byteLength) this.#memory = new Uint8Array(Math.min(KEPT_BYTES, 2 * byteLength));
		return this.#memory.subarray(0, byteLength);
	}
}
