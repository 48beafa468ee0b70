/**
 * The SIPC envelope, version 1. All numbers are little-endian:
 *
 *   0 magic "SIPC" · 4 version u8 · 5 algorithm u16 · 7 key id u32 · 11 nonce size u16 · 13 tag size u16 · 15 ciphertext size u32
 *   19 nonce · ciphertext · tag
 *
 * Layout and numbers are those of thoth-ipc 0.6 (github.com/natyamatsya/thoth-ipc: abi/abi.json, struct sipc_header, enum secure_alg;
 * doc/adr/0004). It encrypts without associated data.
 *
 * The header is not associated data, so it must have no freedom: a reader accepts exactly one header for each key, nonce and
 * ciphertext. Sizes other than those of the two algorithms are refused, as is a message of another length than the header says.
 */

/** The numbers of the algorithms in an envelope. */
export const algorithmNumbers = { "aes-256-gcm": 1, "chacha20-poly1305": 2 } as const;

const MAGIC = 0x43504953; // "SIPC"
const VERSION = 1;
const HEADER_BYTES = 19;

export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** How much longer an envelope is than its plaintext. */
export const ENVELOPE_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/** What an envelope consists of. The views lie in its bytes. */
export interface Envelope {
	readonly algorithm: number;
	readonly keyId: number;
	readonly nonce: Uint8Array;
	readonly ciphertext: Uint8Array;
	readonly tag: Uint8Array;
}

/** The parts of an envelope; `undefined`: it is none. Nothing is reserved for sizes that it claims. */
export function parseEnvelope(bytes: Uint8Array): Envelope | undefined {
	const { byteLength } = bytes;
	if (byteLength < ENVELOPE_BYTES) return undefined;
	const view = new DataView(bytes.buffer, bytes.byteOffset, byteLength);
	if (
		view.getUint32(0, true) !== MAGIC ||
		view.getUint8(4) !== VERSION ||
		view.getUint16(11, true) !== NONCE_BYTES ||
		view.getUint16(13, true) !== TAG_BYTES ||
		view.getUint32(15, true) !== byteLength - ENVELOPE_BYTES
	)
		return undefined;
	const from = HEADER_BYTES + NONCE_BYTES;
	const end = byteLength - TAG_BYTES;
	return {
		algorithm: view.getUint16(5, true),
		keyId: view.getUint32(7, true),
		nonce: bytes.subarray(HEADER_BYTES, from),
		ciphertext: bytes.subarray(from, end),
		tag: bytes.subarray(end),
	};
}

/** Writes an envelope to the beginning of `target`, which has space for it. `parts` may not lie in `target`. */
export function writeEnvelope(target: Uint8Array, parts: Envelope): void {
	const { algorithm, keyId, nonce, ciphertext, tag } = parts;
	const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
	view.setUint32(0, MAGIC, true);
	view.setUint8(4, VERSION);
	view.setUint16(5, algorithm, true);
	view.setUint32(7, keyId, true);
	view.setUint16(11, NONCE_BYTES, true);
	view.setUint16(13, TAG_BYTES, true);
	view.setUint32(15, ciphertext.byteLength, true);
	const from = HEADER_BYTES + NONCE_BYTES;
	target.set(nonce, HEADER_BYTES);
	target.set(ciphertext, from);
	target.set(tag, from + ciphertext.byteLength);
}
