import { PEER_WORDS, SLOT_WORDS, slotWord } from "@libipc/protocol";
import type { Segment } from "./segment/segment.ts";
import { isOwnerAlive } from "./segment/slots.ts";

/** Who else is on a ring: `native/src/peers.c`. */

const SENDER = 1;
const RECEIVER = 2;

interface Peer {
	readonly instance: number;
	readonly pid: number;
	readonly died: number;
	readonly alive: boolean;
}

/**
 * A place may change hands meanwhile: what was read belongs to the instance only if that is still the same afterwards. It is
 * read anew then, which ends: each time somebody has joined or left.
 */
function readSlot(segment: Segment, at: number): Peer {
	const { words } = segment;
	for (;;) {
		const instance = Atomics.load(words, at + slotWord.instance);
		const pid = instance === 0 ? 0 : (words[at + slotWord.pid] as number);
		const died = words[at + slotWord.died] as number;
		const alive = instance !== 0 && isOwnerAlive(segment, at);
		if (Atomics.load(words, at + slotWord.instance) === instance) return { instance, pid, died, alive };
	}
}

/** Fills the records of `EngineEndpoint.peers` for the endpoint at a place, and answers how many there are. */
export function peersOf(segment: Segment, own: number, instance: number, records: Uint32Array): number {
	let count = 0;
	const add = (first: number, places: number, role: number): void => {
		for (let place = 0; place < places; place++) {
			const at = first + place * SLOT_WORDS;
			const peer = readSlot(segment, at);
			// Taken for dead, we have lost our place: then it is somebody else's.
			if (at === own && (peer.instance === instance || peer.instance === 0)) continue;
			if (peer.instance === 0 && peer.died === 0) continue;
			if ((count + 1) * PEER_WORDS <= records.length)
				records.set([role, peer.instance, peer.pid, place, peer.died, peer.alive ? 1 : 0], count * PEER_WORDS);
			count++;
		}
	};
	add(segment.senders, segment.maxSenders, SENDER);
	add(segment.receivers, segment.maxReceivers, RECEIVER);
	return count;
}
