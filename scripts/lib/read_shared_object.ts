/** Reads a shared library from its file: on any machine, without the tools of its system. */
import { readElf } from "./elf.ts";
import { readMachO } from "./mach_o.ts";
import type { SharedObject } from "./shared_object.ts";

/** @throws Error The bytes are neither ELF nor Mach-O, each of 64 bits and little-endian. */
export function readSharedObject(bytes: Uint8Array): SharedObject {
	const magic = bytes.byteLength < 64 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
	if (magic === 0x7f454c46) return readElf(bytes);
	if (magic === 0xcffaedfe) return readMachO(bytes);
	throw new Error("this is not a library of Linux or macOS");
}
