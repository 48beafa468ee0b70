import { abi, PEER_WORDS, SLOT_WORDS, slotWord } from "@libipc/protocol";
import type { Segment } from "./segment/segment.ts";
import { isOwnerAlive } from "./segment/slots.ts";

/** The other endpoints of a ring: `native/src/peers.c`. */

const SENDER = 1;
const RECEIVER = 2;

interface Peer {
	readonly instance: number;
	readonly pid: number;
	readonly died: Int32Array;
	readonly alive: boolean;
	readonly observer: boolean;
}

/**
 * A slot may get another owner while it is read. What was read belongs to the instance only if the instance is the same afterwards.
 * Otherwise the slot is read again. This ends, because each time an endpoint has joined or left.
 */
function readSlot(segment: Segment, at: number): Peer {
	const { words } = segment;
	for (;;) {
		const instance = Atomics.load(words, at + slotWord.instance);
		const pid = instance === 0 ? 0 : (words[at + slotWord.pid] as number);
		const died = words.slice(at + slotWord.died, at + slotWord.died + abi.PEER_DEATHS);
		const alive = instance !== 0 && isOwnerAlive(segment, at);
		const observer = instance !== 0 && words[at + slotWord.observer] !== 0;
		if (Atomics.load(words, at + slotWord.instance) === instance) return { instance, pid, died, alive, observer };
	}
}

/** Fills the records of `EngineEndpoint.peers` for the endpoint in the slot `own`, and returns how many there are. */
export function peersOf(segment: Segment, own: number, instance: number, records: Uint32Array): number {
	let count = 0;
	const add = (first: number, slots: number, role: number): void => {
		for (let index = 0; index < slots; index++) {
			const at = first + index * SLOT_WORDS;
			const peer = readSlot(segment, at);
			// If others considered this endpoint dead, it has lost its slot, which may belong to another one now.
			if (at === own && (peer.instance === instance || peer.instance === 0)) continue;
			if (peer.instance === 0 && peer.died[0] === 0) continue; // the first death is recorded there
			if ((count + 1) * PEER_WORDS <= records.length)
				records.set(
					[role, peer.instance, peer.pid, index, peer.alive ? 1 : 0, peer.observer ? 1 : 0, ...peer.died],
					count * PEER_WORDS,
				);
			count++;
		}
	};
	add(segment.senders, segment.maxSenders, SENDER);
	add(segment.receivers, segment.maxReceivers, RECEIVER);
	return count;
}
