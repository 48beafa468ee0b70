/**
 * Sealed messages: a codec that encrypts and authenticates what another codec writes. It needs `node:crypto`, which Bun, Node and Deno
 * have.
 *
 * @module libipc/codecs/sealed
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { IpcError, limits } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import { uint8ArrayOf } from "../check/bytes.ts";
import { readCodec } from "../value/check_codec.ts";
import type { Codec, CodecEndpoint } from "../value/codec.ts";
import { ENVELOPE_BYTES, parseEnvelope, TAG_BYTES, writeEnvelope } from "./seal/envelope.ts";
import { type CheckedKey, checkKeys } from "./seal/key_ring.ts";
import { Nonces, SeenStreams } from "./seal/nonces.ts";
import type { SealKey } from "./seal/seal_key.ts";

export type { SealAlgorithm, SealKey, SecretKey } from "./seal/seal_key.ts";

/** What sealed messages are bound to. */
export interface SealedOptions {
	/**
	 * What a message is bound to: it opens only where the context is the same one. A text replaces the kind, prefix and name of the
	 * endpoint: for messages that move between names, such as dead letters. `null` binds to nothing but the key: this is what thoth-ipc
	 * writes and reads.
	 *
	 * @defaultValue the kind, prefix and name of the endpoint
	 */
	readonly context?: string | null | undefined;
}

const ID_PREFIX = "sealed:";

/** How many streams of messages a receiver remembers for each key; see docs/security.md. */
const STREAMS = 4096;

/** Larger memory is not kept for the next message. */
const KEPT_BYTES = 65_536;

/** One text for all that can be wrong: which check has failed is of use to an attacker only. Errors show at most 40 characters. */
const NOT_OPENED = "not sealed for this receiver, or changed";
const REPEATED = "repeated, or out of order";
const NOT_READ = "opened, but not what the codec reads";

const tagOption = { authTagLength: TAG_BYTES } as const;

/**
 * A codec that seals what another codec writes: AES-256-GCM or ChaCha20-Poly1305, in an SIPC envelope of version 1. A process without
 * the key cannot read a message, and cannot make or change one that a receiver accepts, even if it can write to the shared memory.
 *
 * A message that was changed, cut, made with another key, for another name, or (of a channel or route) that this receiver has read
 * before, or later ones of the same sender, is `ERR_IPC_INVALID_MESSAGE`. Receivers of a queue do not refuse repetitions, because a
 * queue delivers a message again after `retry` or a crash.
 *
 * A message is 47 bytes longer than its plaintext. docs/security.md says how to make, keep and replace keys, and what this does not
 * defend against.
 *
 * @param codec - What writes and reads the values; for bytes: `bytes()`. Its id has at most 56 characters.
 * @param keys - A key, or several. The first one seals; all of them open.
 * @returns A codec with the id `sealed:` and the id of `codec`.
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`: a wrong argument, or this runtime does not have the algorithm of a key
 * @example
 * import { randomBytes } from "node:crypto";
 * import { Channel } from "libipc";
 * import { json } from "libipc/codecs";
 * import { sealed } from "libipc/codecs/sealed";
 *
 * const codec = sealed(json<{ card: string }>(), { id: 1, key: randomBytes(32) });
 * using receiver = Channel.receiver("payments", { codec });
 * using sender = Channel.sender("payments", { codec });
 * sender.send({ card: "4111 1111" });
 * console.log(receiver.recv()?.card); // 4111 1111
 */
export function sealed<Value, Sent = Value>(
	codec: Codec<Value, Sent>,
	keys: SealKey | readonly SealKey[],
	options: SealedOptions = {},
): Codec<Value, Sent> {
	const what = "sealed";
	const { id } = readCodec(what, codec);
	if (ID_PREFIX.length + id.length > limits.codecBytes)
		throw invalid(
			what,
			`The id of a codec that is sealed must have at most ${limits.codecBytes - ID_PREFIX.length} characters; ${show(id)} has ${id.length}.`,
		);
	const ring = checkKeys(what, keys);
	if (options === null || typeof options !== "object")
		throw invalid(what, `options must be an object, such as { context: "jobs" }, not ${show(options)}.`);
	const { context } = options;
	if (context !== undefined && context !== null && (typeof context !== "string" || context === ""))
		throw invalid(what, `context must be a text that is not empty, or null, not ${show(context)}.`);
	const stateOf = (endpoint?: CodecEndpoint): Sealing<Value, Sent> =>
		new Sealing(
			endpoint && codec.forEndpoint ? codec.forEndpoint(endpoint) : codec,
			ring,
			associatedData(context, endpoint),
			endpoint?.kind === "queue",
		);
	const codecOf = (sealing: Sealing<Value, Sent>): Codec<Value, Sent> => ({
		id: `${ID_PREFIX}${id}`,
		encode: (value) => sealing.seal(value),
		decode: (bytes) => sealing.open(bytes),
		// A copy also for the sake of security: who may write to the ring must not change a message between its check and its use.
		keepsBytes: true,
	});
	return { ...codecOf(stateOf()), forEndpoint: (endpoint) => codecOf(stateOf(endpoint)) };
}

/** What is authenticated beside the message. A name has no control characters, so no two endpoints or contexts have the same bytes. */
function associatedData(context: string | null | undefined, endpoint?: CodecEndpoint): Uint8Array | undefined {
	if (context === null) return undefined;
	const parts =
		context !== undefined ? ["context", context] : endpoint && [endpoint.kind, endpoint.prefix, endpoint.name];
	return parts && new TextEncoder().encode(["libipc sealed 1", ...parts].join("\0"));
}

/** The codec of one endpoint. */
class Sealing<Value, Sent> {
	readonly #codec: Codec<Value, Sent>;
	readonly #sealing: CheckedKey;
	readonly #keys = new Map<number, { readonly key: CheckedKey; readonly seen: SeenStreams }>();
	readonly #associated: Uint8Array | undefined;
	/** Whether messages may come more than once, and in any order. */
	readonly #repeats: boolean;
	readonly #nonces = new Nonces();
	#memory = new Uint8Array(0);

	constructor(
		codec: Codec<Value, Sent>,
		keys: readonly [CheckedKey, ...CheckedKey[]],
		associated: Uint8Array | undefined,
		repeats: boolean,
	) {
		this.#codec = codec;
		this.#sealing = keys[0];
		for (const key of keys) this.#keys.set(key.id, { key, seen: new SeenStreams(STREAMS) });
		this.#associated = associated;
		this.#repeats = repeats;
	}

	seal(value: Sent): Uint8Array {
		const plaintext = this.#plaintextOf(value);
		const { id, algorithm, number, secret } = this.#sealing;
		// After the codec has run, which may send: numbers must be in the order in which messages are sent.
		const nonce = this.#nonces.next();
		const cipher = createCipheriv(algorithm as "aes-256-gcm", secret, nonce, tagOption);
		if (this.#associated) cipher.setAAD(this.#associated);
		const ciphertext = cipher.update(plaintext);
		cipher.final();
		const envelope = this.#memoryOf(ENVELOPE_BYTES + ciphertext.byteLength);
		writeEnvelope(envelope, { algorithm: number, keyId: id, nonce, ciphertext, tag: cipher.getAuthTag() });
		return envelope;
	}

	/** What the codec writes, in memory of this process: never in the ring. */
	#plaintextOf(value: Sent): Uint8Array {
		const { encode, into } = this.#codec;
		if (into) {
			const target = new Uint8Array(into.size(value));
			return target.subarray(0, into.write(value, target));
		}
		const message: unknown = encode?.call(this.#codec, value);
		if (typeof message === "string") return Buffer.from(message);
		const view = uint8ArrayOf(message);
		if (view) return view;
		throw invalid(
			"sealed",
			`encode of the codec ${JSON.stringify(this.#codec.id)} must return a Uint8Array or a string, not ${show(message)}. Nothing was sent.`,
		);
	}

	/** Memory for an envelope, which is copied before the next one. */
	#memoryOf(byteLength: number): Uint8Array {
		if (byteLength > KEPT_BYTES) return new Uint8Array(byteLength);
		if (this.#memory.byteLength < byteLength)
			this.#memory = new Uint8Array(Math.min(KEPT_BYTES, Math.max(1024, 2 * byteLength)));
		return this.#memory.subarray(0, byteLength);
	}

	/** `bytes` must be memory that no other process can change. */
	open(bytes: Uint8Array): Value {
		const envelope = parseEnvelope(bytes);
		const found = envelope && this.#keys.get(envelope.keyId);
		if (!found || envelope.algorithm !== found.key.number) throw new Error(NOT_OPENED);
		const plaintext = this.#decrypt(found.key, envelope.nonce, envelope.ciphertext, envelope.tag);
		// Only now: a nonce that is not authentic must not be noted.
		if (!this.#repeats && !found.seen.accept(envelope.nonce)) throw new Error(REPEATED);
		try {
			return this.#codec.decode(plaintext);
		} catch (error) {
			// The program is wrong, not the message.
			if (error instanceof IpcError && error.code === "ERR_IPC_INVALID_ARGUMENT") throw error;
			// The texts of such errors quote what was read, and errors go to logs.
			throw new Error(NOT_READ);
		}
	}

	#decrypt({ algorithm, secret }: CheckedKey, nonce: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array {
		const decipher = createDecipheriv(algorithm as "aes-256-gcm", secret, nonce, tagOption);
		if (this.#associated) decipher.setAAD(this.#associated);
		decipher.setAuthTag(tag);
		const plaintext = decipher.update(ciphertext);
		try {
			decipher.final();
		} catch {
			plaintext.fill(0);
			throw new Error(NOT_OPENED);
		}
		return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
	}
}
