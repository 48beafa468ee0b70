import type { algorithmNumbers } from "./envelope.ts";

/** How messages are encrypted and authenticated. */
export type SealAlgorithm = keyof typeof algorithmNumbers;

/** A secret key as `node:crypto` keeps it: a `KeyObject`. */
export interface SecretKey {
	/** What it is: `secret`. */
	readonly type: string;
	/** Its size in bytes. */
	readonly symmetricKeySize?: number | undefined;
}

/** A key of sealed messages. */
export interface SealKey {
	/** Its number, from 0 to 4294967295. It travels with each message, readable by everyone, and says which key opens it. */
	readonly id: number;
	/** 32 random bytes, or a `KeyObject` of them. Bytes are copied: the caller may overwrite them afterwards. */
	readonly key: Uint8Array | SecretKey;
	/**
	 * What the key is for. A key is for one algorithm only. Bun has no ChaCha20-Poly1305.
	 *
	 * @defaultValue "aes-256-gcm"
	 */
	readonly algorithm?: SealAlgorithm | undefined;
}
