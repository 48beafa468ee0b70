import { seededRandom } from "@libipc/testing/random";
import { bytes } from "../bytes.ts";
import { ENVELOPE_BYTES } from "../seal/envelope.ts";
import { sealed } from "../sealed.ts";

/**
 * Opens so many inputs: random bytes, and sealed messages with bytes changed, cut, added, repeated or exchanged between two messages.
 * Throws if one is opened that was not sealed, or if something else than a refusal comes of it.
 *
 * @returns how many were opened: those that no change was made to.
 */
export function fuzzSealed(inputs: number, seed: number): number {
	const random = seededRandom(seed);
	const key = Uint8Array.from({ length: 32 }, () => random(256));
	const other = Uint8Array.from({ length: 32 }, () => 1 + random(255));
	const codec = sealed(bytes(), [
		{ id: 1, key },
		{ id: 2, key: other },
	]);
	let opened = 0;
	for (let i = 0; i < inputs; i++) {
		const plaintext = Uint8Array.from({ length: random(40) }, () => random(256));
		const message = new Uint8Array(codec.encode?.(plaintext) as Uint8Array);
		const input = mutated(message, random);
		const isSame = Buffer.compare(input, message) === 0;
		let result: Uint8Array | undefined;
		try {
			result = codec.decode(input);
		} catch (error) {
			if (!(error instanceof Error && /^not sealed/.test(error.message))) throw error;
		}
		if ((result !== undefined) !== isSame || (result && Buffer.compare(result, plaintext) !== 0))
			throw new Error(`seed ${seed}, input ${i}: ${Buffer.from(input).toString("hex")} gave ${String(result)}`);
		if (result) opened++;
	}
	return opened;
}

/** A message with a change, or none. */
function mutated(message: Uint8Array, random: (end: number) => number): Uint8Array {
	const copy = message.slice();
	const view = new DataView(copy.buffer);
	switch (random(9)) {
		case 0:
			return copy;
		case 1:
			return Uint8Array.from({ length: random(120) }, () => random(256));
		case 2:
			return copy.subarray(0, random(copy.length));
		case 3:
			return Uint8Array.from([...copy, ...Array.from({ length: 1 + random(20) }, () => random(256))]);
		case 4: // the header is right, and nothing else
			for (let at = 19; at < copy.length; at++) copy[at] = random(256);
			return copy;
		case 5: // sizes of any kind
			view.setUint16(11, [0, 11, 12, 13, 0xffff][random(5)] as number, true);
			view.setUint16(13, [0, 4, 15, 16, 17, 0xffff][random(6)] as number, true);
			return copy;
		case 6:
			view.setUint32(
				15,
				[0, copy.length, 0x7fff_ffff, 0xffff_ffff, copy.length - ENVELOPE_BYTES][random(5)] as number,
				true,
			);
			return copy;
		case 7: // another key, or another algorithm
			if (random(2) === 0) view.setUint32(7, random(4), true);
			else view.setUint16(5, random(4), true);
			return copy;
		default:
			for (let changes = 1 + random(4); changes > 0; changes--) {
				const at = random(copy.length);
				copy[at] = (copy[at] as number) ^ (1 << random(8));
			}
			return copy;
	}
}
