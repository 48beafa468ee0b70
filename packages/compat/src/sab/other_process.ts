import { environmentVariable } from "@libipc/core/api";
import {
	HEADER_BYTES,
	header,
	kindName,
	LAYOUT_HASH,
	LAYOUT_VERSION,
	limits,
	MAGIC,
	SLOT_BYTES,
	sendersOf,
	slot,
} from "@libipc/protocol";
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from "./files.ts";
import type { Key } from "./name_table.ts";

/**
 * Finds out whether a name is open in shared memory, which this engine cannot use. It is called before a name is created here. It only
 * reads the file of the name, and works on Linux only: macOS has other names for the files. Leftovers of dead processes do not count.
 * There is no C library to ask, so the paths are made here: `ipc_os_directory()`, `ipc_segment_key()`.
 */
const directory = (): string => environmentVariable("LIBIPC_DIR") || "/dev/shm";

const decoder = new TextDecoder();

/** `ipc_segment_key`. */
const fileOf = ({ kind, prefix, name }: Key): string =>
	`${directory()}/libipc.${kindName(kind)}.${prefix.length}.${decoder.decode(prefix)}.${decoder.decode(name)}`;

/**
 * Whether the process with that identity runs: its file exists and is locked. `native/src/platform/identity.c` asks the kernel, which
 * JavaScript cannot; /proc/locks (proc(5)) lists the same locks. If that cannot be read, a file that exists counts.
 */
function isProcessAlive(low: number, high: number): boolean {
	try {
		const { ino } = statSync(`${directory()}/libipc-process.${high.toString(16).padStart(8, "0")}`, { bigint: true });
		if (BigInt.asUintN(32, ino) !== BigInt(low)) return false;
		// "1: OFDLCK ADVISORY WRITE -1 00:1b:1234 0 0": the first byte is the owner's.
		return new RegExp(`WRITE -?\\d+ \\w+:\\w+:${ino} 0 `).test(readFileSync("/proc/locks", "utf8"));
	} catch (error) {
		return !(error instanceof Error && "path" in error && "code" in error) || error.path === "/proc/locks";
	}
}

/** The process of a live endpoint in the file; 0: there is none, or the file is no segment of this layout. */
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
	const count = word(header.maxReceivers) + sendersOf(word(header.kind), word(header.capacity));
	const slots = new DataView(new ArrayBuffer(count * SLOT_BYTES));
	const bytes = readSync(fd, slots, 0, slots.byteLength, HEADER_BYTES);
	for (let at = 0; at + SLOT_BYTES <= bytes; at += SLOT_BYTES) {
		if (slots.getUint32(at + slot.instance, true) === 0) continue;
		const owner = [slots.getUint32(at + slot.owner, true), slots.getUint32(at + slot.owner + 4, true)] as const;
		if (isProcessAlive(...owner)) return slots.getUint32(at + slot.pid, true);
	}
	return 0;
}

/** A process that has the name open; 0: none that this process can see. */
export function findOtherProcess(key: Key): number {
	if (process.platform !== "linux") return 0;
	const file = fileOf(key);
	let fd: number;
	try {
		if (!existsSync(file)) return 0; // the usual case, and an exception costs more than this check
		fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	} catch {
		return 0; // it belongs to another user, does not exist any more, or Node's permission model forbids to look
	}
	try {
		return findAlive(fd);
	} catch {
		return 0;
	} finally {
		closeSync(fd);
	}
}
