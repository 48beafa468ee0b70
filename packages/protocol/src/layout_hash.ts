import { CODEC_BYTES, PEER_DEATHS } from "./abi.ts";
import {
	BUFFER_BYTES,
	buffer,
	EVENTS,
	eventFlag,
	eventWord,
	FRAGMENT_BYTES,
	fragment,
	header,
	LEASE_BYTES,
	LINE,
	lease,
	MARK_BYTES,
	MARKS,
	MOVE_BYTES,
	MOVES,
	mark,
	move,
	ORIGIN_BYTES,
	origin,
	RECORD_BYTES,
	record,
	SLOT_BYTES,
	slot,
	WAIT_BYTES,
	wait,
} from "./layout.ts";
import { limits } from "./limits.ts";

/** A field of a structure in shared memory, or a whole structure: `ipc_layout_field` in `native/src/layout_hash.h`. */
export interface LayoutField {
	readonly name: string;
	readonly offset: number;
	readonly bytes: number;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Fields without an entry in `wide` are 32-bit words. */
function structure(
	name: string,
	bytes: number,
	fields: Readonly<Record<string, number>>,
	wide: Readonly<Record<string, number>> = {},
): LayoutField[] {
	return [
		{ name, offset: 0, bytes },
		...Object.entries(fields).map(([field, offset]) => ({
			name: `${name}.${snake(field)}`,
			offset,
			bytes: wide[field] ?? 4,
		})),
	];
}

const allFields = (): readonly LayoutField[] => [
	...structure("ipc_header", Math.ceil((header.moves + MOVES * MOVE_BYTES) / LINE) * LINE, header, {
		created: 8,
		segmentBytes: 8,
		bodyOffset: 8,
		prefix: limits.prefixBytes + 8,
		name: limits.nameBytes + 8,
		head: 8,
		announced: 8,
		markCount: 8,
		marks: MARKS * MARK_BYTES,
		eventFlags: EVENTS * 4,
		eventWords: EVENTS * LINE,
		memoryBytes: 8,
		current: 8,
		codec: CODEC_BYTES,
		deadLetter: limits.nameBytes + 8,
		moves: MOVES * MOVE_BYTES,
	}),
	...structure("ipc_mark", MARK_BYTES, mark, { position: 8, number: 8 }),
	...structure("ipc_move", MOVE_BYTES, move, { source: 8, position: 8 }),
	...structure("ipc_event_flag", 4, eventFlag),
	...structure("ipc_event_word", LINE, eventWord),
	...structure("ipc_slot", SLOT_BYTES, slot, {
		owner: 8,
		lost: 8,
		waker: 8,
		died: 4 * PEER_DEATHS,
		pending: 8,
		opened: 8,
	}),
	...structure("ipc_buffer", BUFFER_BYTES, buffer, { version: 8 }),
	...structure("ipc_wait_entry", WAIT_BYTES, wait, { waker: 8 }),
	...structure("ipc_record", RECORD_BYTES, record),
	...structure("ipc_fragment", FRAGMENT_BYTES, fragment),
	...structure("ipc_lease", LEASE_BYTES, lease),
	...structure("ipc_origin", ORIGIN_BYTES, origin, { nameBytes: 2, reasonBytes: 2 }),
];

/** All fields of all structures in shared memory, in the order of `native/src/layout_hash.c`. */
export const layoutFields: readonly LayoutField[] = /* @__PURE__ */ allFields();

/** `ipc_layout_hash_of`: FNV-1a, 32 bits, over name, offset and size of each field. */
export function layoutHashOf(fields: readonly LayoutField[]): number {
	let hash = 2166136261;
	const add = (byte: number): void => {
		hash = Math.imul(hash ^ byte, 16777619);
	};
	const addWord = (word: number): void => {
		for (let shift = 0; shift < 32; shift += 8) add((word >>> shift) & 0xff);
	};
	for (const { name, offset, bytes } of fields) {
		for (let i = 0; i < name.length; i++) add(name.charCodeAt(i));
		addWord(offset);
		addWord(bytes);
	}
	return hash >>> 0;
}

/** `ipc_layout_hash()`: two builds have the same value only if they agree about every field in shared memory. */
export const LAYOUT_HASH: number = /* @__PURE__ */ layoutHashOf(layoutFields);
