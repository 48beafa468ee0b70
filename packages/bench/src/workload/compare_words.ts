import type { Comparer } from "./workload.ts";

/** Compares in JavaScript, for every runtime. */
export const byWords: Comparer = (target, pool) => {
	const targetWords = new Int32Array(target.buffer, target.byteOffset, target.byteLength >> 2);
	const poolWords = new Int32Array(pool.buffer, pool.byteOffset, pool.byteLength >> 2);
	return (targetStart, poolStart, length) => {
		const end = length >> 2;
		for (let i = 0, a = targetStart >> 2, b = poolStart >> 2; i < end; i++)
			if (targetWords[a + i] !== poolWords[b + i]) return false;
		for (let i = end << 2; i < length; i++) if (target[targetStart + i] !== pool[poolStart + i]) return false;
		return true;
	};
};
