/** All that is said to bun:ffi; the functions are declared in `packages/core/src/native/declarations.ts`. */

import { dlopen, type Pointer, toArrayBuffer } from "bun:ffi";
import { type Address, declarations, type Symbols } from "../native/declarations.ts";
import type { NativeLibrary } from "../native/library.ts";

/** toArrayBuffer with the two parameters that free its memory, which the types of Bun leave out. */
const toOwnedArrayBuffer = toArrayBuffer as unknown as (
	address: Address,
	byteOffset: number,
	byteLength: number,
	context: Address,
	release: Address,
) => ArrayBuffer;

/** The ABI that a library speaks, asked before anything else is expected to be in it. Throws what bun:ffi throws. */
export function abiVersion(path: string): number {
	const { ipc_abi_version } = declarations;
	return dlopen(path, { ipc_abi_version }).symbols.ipc_abi_version();
}

/** Null, or a number: addresses fit a double on every platform of Bun. */
function address(answer: unknown): Address | null {
	const pointer = answer as Pointer | bigint | null;
	return (typeof pointer === "bigint" ? Number(pointer) : pointer) as Address | null;
}

/** Loads the library; throws what bun:ffi throws. */
export function openLibrary(path: string): NativeLibrary {
	const symbols = dlopen(path, declarations).symbols as unknown as Symbols;
	const releaseMapping = address(symbols.ipc_mapping_releaser());
	const releaseMessage = address(symbols.ipc_message_releaser());
	if (releaseMapping === null || releaseMessage === null) throw new TypeError("the native library answered NULL");
	return {
		symbols,
		address,
		map: (from, byteLength, mapping) =>
			new Uint8Array(toOwnedArrayBuffer(from, 0, byteLength, mapping, releaseMapping)),
		adoptMessage: (from, byteLength) => new Uint8Array(toOwnedArrayBuffer(from, 0, byteLength, from, releaseMessage)),
	};
}
