import { IpcError } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import { isUint8Array } from "../check/bytes.ts";
import type { AnyCodec } from "./check_codec.ts";
import type { CodecInto } from "./codec.ts";

/** A codec for any value: which values it takes is known to the compiler only. */
export type Sent = never;

/** What the errors of an {@link Encoding} say beside what is wrong. */
interface EncodingTexts {
	/** What is too short for a value, up to the number: `a message of queue "jobs" has at most`. */
	readonly room: string;
	/** What has become of the value: `Nothing was sent.` */
	readonly outcome: string;
}

/** How a writer makes bytes of values: by its codec, whose results are checked here, because they may be anything. */
export class Encoding {
	readonly codec: AnyCodec;
	readonly #name: string;
	readonly #texts: EncodingTexts;

	constructor(name: string, codec: AnyCodec, texts: EncodingTexts) {
		this.#name = name;
		this.codec = codec;
		this.#texts = texts;
	}

	/** Checks what `encode` has returned. */
	check(encoded: unknown): void {
		if (typeof encoded !== "string" && !isUint8Array(encoded))
			throw this.#invalid("encode", `must return a Uint8Array or a string, not ${show(encoded)}`);
	}

	/** How many bytes a value takes at most; no more than `longest`. */
	sizeOf(into: CodecInto<Sent>, value: Sent, longest: number): number {
		const most = into.size(value);
		if (!(Number.isInteger(most) && most >= 0))
			throw this.#invalid("into.size", `must return a whole number of bytes, not ${show(most)}`);
		if (most > longest)
			throw new IpcError(
				"ERR_IPC_MESSAGE_TOO_LARGE",
				this.#name,
				`A value takes up to ${most} bytes, as the codec ${JSON.stringify(this.codec.id)} says, and ${this.#texts.room} ${longest}. ${this.#texts.outcome}`,
			);
		return most;
	}

	/** Has the codec write to memory of as many bytes as {@link sizeOf} returned. Returns how many it has written. */
	write(into: CodecInto<Sent>, value: Sent, target: Uint8Array): number {
		const most = target.byteLength;
		const length = into.write(value, target);
		if (Number.isInteger(length) && length >= 0 && length <= most && target.byteLength === most) return length;
		const isTransferred = target.byteLength !== most;
		throw this.#invalid(
			"into.write",
			`returned ${show(length)}, and into.size had said at most ${most} bytes${isTransferred ? ", whose memory was transferred meanwhile" : ""}`,
		);
	}

	#invalid(call: string, what: string): IpcError {
		return invalid(this.#name, `${call} of the codec ${JSON.stringify(this.codec.id)} ${what}. ${this.#texts.outcome}`);
	}
}
