/** All uses of bun:ffi. `packages/core/src/native/declarations.ts` declares the functions. */

import { dlopen, type Pointer, toArrayBuffer } from "bun:ffi";
import { type Address, declarations, type Symbols } from "../native/declarations.ts";
import type { NativeLibrary } from "../native/library.ts";

/** toArrayBuffer with its two parameters for freeing the memory, which the types of Bun leave out. */
const toOwnedArrayBuffer = toArrayBuffer as unknown as (
	address: Address,
	byteOffset: number,
	byteLength: number,
	context: Address,
	release: Address,
) => ArrayBuffer;

/** The functions of the library that {@link abiVersion} found to be complete. */
let complete: { readonly path: string; readonly symbols: Symbols } | undefined;

const allSymbols = (path: string): Symbols => dlopen(path, declarations).symbols as unknown as Symbols;

/**
 * The ABI version of a library, which may lack functions of this version. Throws what bun:ffi throws. All functions are looked up at
 * once, because two lookups take longer.
 */
export function abiVersion(path: string): number {
	try {
		complete = { path, symbols: allSymbols(path) };
		return complete.symbols.ipc_abi_version();
	} catch {
		const { ipc_abi_version } = declarations;
		return dlopen(path, { ipc_abi_version }).symbols.ipc_abi_version();
	}
}

/** Null or a number: an address fits in a double on every platform of Bun. */
function address(answer: unknown): Address | null {
	const pointer = answer as Pointer | bigint | null;
	return (typeof pointer === "bigint" ? Number(pointer) : pointer) as Address | null;
}

/** Loads the library; throws what bun:ffi throws. */
export function openLibrary(path: string): NativeLibrary {
	const symbols = complete?.path === path ? complete.symbols : allSymbols(path);
	const releaseMapping = address(symbols.ipc_mapping_releaser());
	const releaseMessage = address(symbols.ipc_message_releaser());
	if (releaseMapping === null || releaseMessage === null) throw new TypeError("the native library returned NULL");
	return {
		symbols,
		viewsEndWithThread: false,
		collectGarbage: () => Bun.gc(true),
		address,
		map: (from, byteLength, mapping) =>
			new Uint8Array(toOwnedArrayBuffer(from, 0, byteLength, mapping, releaseMapping)),
		adoptMessage: (from, byteLength) => new Uint8Array(toOwnedArrayBuffer(from, 0, byteLength, from, releaseMessage)),
	};
}
