import type { Random } from "./random_value.ts";

/** A copy of a message with some bytes changed, and often without its end. Bytes below 22 are the types of `structured`. */
export function damaged(message: Uint8Array, random: Random): Uint8Array {
	let bytes = message.slice();
	for (let changes = random(4); changes >= 0; changes--) {
		if (bytes.byteLength === 0) break;
		const at = random(bytes.byteLength);
		if (random(4) === 0) bytes = bytes.subarray(0, at);
		else bytes[at] = random(2) === 0 ? random(256) : random(22);
	}
	return bytes;
}
