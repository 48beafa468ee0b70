import * as zlib from "node:zlib";

/** What newer runtimes have: Bun 1.2.14, Node 22.15 and 23.8. */
interface Zstd {
	zstdCompressSync?: (bytes: Uint8Array) => Uint8Array;
	zstdDecompressSync?: (bytes: Uint8Array, options?: { maxOutputLength?: number }) => Uint8Array;
}

const { zstdCompressSync, zstdDecompressSync } = zlib as Zstd;

/** `undefined`: this runtime has no zstd. */
export const compress: ((bytes: Uint8Array) => Uint8Array) | undefined = zstdCompressSync;

/** `undefined`: this runtime has no zstd. A frame that would become longer than `most` is an error. */
export const decompress: ((bytes: Uint8Array, most: number) => Uint8Array) | undefined =
	zstdDecompressSync && ((bytes, most) => zstdDecompressSync(bytes, { maxOutputLength: Math.max(most, 1) }));
