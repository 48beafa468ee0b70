import { dlopen, type Pointer, ptr } from "bun:ffi";
import { libraryPath } from "@libipc/core/library";

/** memcmp of the C library, found through libipc, which links it. The limit program compares with the same function. */
const { memcmp } = dlopen(libraryPath(), { memcmp: { args: ["ptr", "ptr", "u32"], returns: "i32" } }).symbols;

/** Whether `length` bytes at two addresses are equal. A comparison loop in JavaScript takes five times as long. */
export function equalAt(a: number, b: number, length: number): boolean {
	return memcmp(a as Pointer, b as Pointer, length) === 0;
}

/** The address of a buffer's first byte; the buffer must be kept alive. */
export function addressOf(bytes: Uint8Array): number {
	return ptr(bytes);
}
