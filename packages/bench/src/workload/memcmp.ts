import { dlopen, type Pointer, ptr } from "bun:ffi";
import { libraryPath } from "@libipc/core/bun";
import type { Comparer } from "./workload.ts";

/** memcmp of the C library, found through the library of libipc, which links it. The baseline compares with it too. */
const { memcmp } = dlopen(libraryPath(), { memcmp: { args: ["ptr", "ptr", "u32"], returns: "i32" } }).symbols;

/** In Bun a comparison loop in JavaScript takes five times as long. */
export const byMemcmp: Comparer = (target, pool) => {
	const targetAddress = ptr(target);
	const poolAddress = ptr(pool);
	return (targetStart, poolStart, length) =>
		memcmp((targetAddress + targetStart) as Pointer, (poolAddress + poolStart) as Pointer, length) === 0;
};
