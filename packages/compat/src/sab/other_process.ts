import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from "node:fs";
import {
	HEADER_BYTES,
	hasRing,
	header,
	kindName,
	LAYOUT_HASH,
	LAYOUT_VERSION,
	limits,
	MAGIC,
	MAX_SENDERS,
	SLOT_BYTES,
	slot,
} from "@libipc/protocol";
import { isSystemThreadAlive } from "./identity.ts";
import type { Key } from "./name_table.ts";

/**
 * Whether a name lives in shared memory, where this engine cannot follow: looked up when it is to be made here. By reading its
 * file alone, and on Linux only: macOS has no files of shared memory. What the dead left there does not count.
 */
const DIRECTORY = "/dev/shm";

const decoder = new TextDecoder();

/** `ipc_segment_key`. */
const fileOf = ({ kind, prefix, name }: Key): string =>
	`${DIRECTORY}/libipc.${kindName(kind)}.${prefix.length}.${decoder.decode(prefix)}.${decoder.decode(name)}`;

/** The process of an endpoint in the file that is alive; 0: there is none, or no segment of this layout. */
function findAlive(fd: number): number {
	if (!fstatSync(fd).isFile()) return 0;
	const head = new DataView(new ArrayBuffer(HEADER_BYTES));
	if (readSync(fd, head, 0, HEADER_BYTES, 0) < HEADER_BYTES) return 0;
	const word = (offset: number): number => head.getUint32(offset, true);
	const isKnown =
		word(header.magic) === MAGIC &&
		word(header.version) === LAYOUT_VERSION &&
		word(header.layoutHash) === LAYOUT_HASH &&
		word(header.maxReceivers) <= limits.maxReceivers;
	if (!isKnown) return 0;
	const count = word(header.maxReceivers) + (hasRing(word(header.kind)) ? MAX_SENDERS : 0);
	const places = new DataView(new ArrayBuffer(count * SLOT_BYTES));
	const bytes = readSync(fd, places, 0, places.byteLength, HEADER_BYTES);
	for (let at = 0; at + SLOT_BYTES <= bytes; at += SLOT_BYTES) {
		if (places.getUint32(at + slot.instance, true) === 0) continue;
		const owner = [places.getInt32(at + slot.owner, true), places.getInt32(at + slot.owner + 4, true)] as const;
		if (isSystemThreadAlive(...owner, "/proc")) return places.getUint32(at + slot.pid, true);
	}
	return 0;
}

/** The process in which the name lives; 0: none that we can see. */
export function findOtherProcess(key: Key): number {
	if (process.platform !== "linux") return 0;
	const file = fileOf(key);
	if (!existsSync(file)) return 0; // the usual case, and an exception costs more than the look
	let fd: number;
	try {
		fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	} catch {
		return 0; // another user's, or gone by now
	}
	try {
		return findAlive(fd);
	} catch {
		return 0;
	} finally {
		closeSync(fd);
	}
}
