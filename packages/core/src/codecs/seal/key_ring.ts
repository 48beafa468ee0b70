import { createCipheriv, createSecretKey, KeyObject } from "node:crypto";
import { invalid, show } from "../../check/argument.ts";
import { uint8ArrayOf } from "../../check/bytes.ts";
import { algorithmNumbers, NONCE_BYTES, TAG_BYTES } from "./envelope.ts";
import type { SealAlgorithm, SealKey } from "./seal_key.ts";

/** A key that was checked. The bytes are in the `KeyObject` only, which no `inspect` shows. */
export interface CheckedKey {
	readonly id: number;
	readonly algorithm: SealAlgorithm;
	readonly number: number;
	readonly secret: KeyObject;
}

const KEY_BYTES = 32;
const MOST_KEYS = 64;

const runtimeName = (): string => {
	const { bun, deno, node } = process.versions as Record<string, string | undefined>;
	return bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
};

/** Throws if this runtime does not have the algorithm. */
function checkAvailable(what: string, algorithm: SealAlgorithm): void {
	try {
		const options = { authTagLength: TAG_BYTES };
		createCipheriv(algorithm as "aes-256-gcm", new Uint8Array(KEY_BYTES), new Uint8Array(NONCE_BYTES), options);
	} catch {
		throw invalid(
			what,
			`The node:crypto of this runtime (${runtimeName()}) has no ${algorithm}. Use a key for ${algorithm === "aes-256-gcm" ? "another algorithm" : '"aes-256-gcm", which all runtimes have'}, in all processes.`,
		);
	}
}

/** The key as a `KeyObject`. No text of an error contains anything of the key. */
function secretOf(what: string, id: number, key: unknown): KeyObject {
	const wrong = (size: string) =>
		invalid(what, `The key ${id} must be a Uint8Array of ${KEY_BYTES} bytes, or a secret KeyObject of them; ${size}.`);
	if (key instanceof KeyObject) {
		if (key.type !== "secret") throw wrong(`it is a ${key.type} key`);
		if (key.symmetricKeySize !== KEY_BYTES) throw wrong(`it has ${key.symmetricKeySize} bytes`);
		return key;
	}
	const view = uint8ArrayOf(key);
	// Not its value: a text or a number may be the key.
	if (!view) throw wrong(`its type was ${typeof key}`);
	if (view.byteLength !== KEY_BYTES) throw wrong(`it has ${view.byteLength} bytes`);
	const copy = new Uint8Array(KEY_BYTES);
	copy.set(view);
	try {
		if (copy.every((byte) => byte === 0)) throw wrong("all of its bytes are 0");
		return createSecretKey(copy);
	} finally {
		copy.fill(0);
	}
}

/** Whether two keys have the same bytes. */
function areEqual(one: KeyObject, other: KeyObject): boolean {
	const [a, b] = [one.export(), other.export()];
	try {
		return a.equals(b);
	} finally {
		a.fill(0);
		b.fill(0);
	}
}

/** Checks the keys of a codec. The first one seals. `what`: how error messages name the codec. */
export function checkKeys(what: string, given: unknown): readonly [CheckedKey, ...CheckedKey[]] {
	const list: readonly unknown[] = Array.isArray(given) ? given : [given];
	if (list.length === 0 || list.length > MOST_KEYS)
		throw invalid(what, `keys must be 1 to ${MOST_KEYS} keys, the one that seals first; there were ${list.length}.`);
	const keys: CheckedKey[] = [];
	for (const each of list) {
		if (each === null || typeof each !== "object" || uint8ArrayOf(each) || each instanceof KeyObject)
			throw invalid(what, "Each key must be an object with a number and bytes, such as { id: 1, key: bytes }.");
		const { id, key, algorithm = "aes-256-gcm" } = each as Partial<SealKey>;
		if (!(Number.isInteger(id) && (id as number) >= 0 && (id as number) <= 0xffff_ffff))
			throw invalid(
				what,
				`The id of a key must be a whole number from 0 to 4294967295, not ${typeof id === "number" ? id : `of type ${typeof id}`}.`,
			);
		if (!Object.hasOwn(algorithmNumbers, algorithm))
			throw invalid(
				what,
				`The algorithm of key ${id} must be "aes-256-gcm" or "chacha20-poly1305", not ${show(algorithm)}.`,
			);
		checkAvailable(what, algorithm);
		const secret = secretOf(what, id as number, key);
		for (const other of keys) {
			if (other.id === id) throw invalid(what, `Two keys have the id ${id}. Give each key its own.`);
			// Otherwise a message could be sealed once, and be accepted under both ids.
			if (areEqual(other.secret, secret)) throw invalid(what, `The keys ${other.id} and ${id} are the same bytes.`);
		}
		keys.push({ id: id as number, algorithm, number: algorithmNumbers[algorithm], secret });
	}
	return keys as [CheckedKey, ...CheckedKey[]];
}
