/** A whole number below `end`. */
export type Random = (end: number) => number;

const leaves: readonly ((random: Random) => unknown)[] = [
	() => undefined,
	() => null,
	(random) => random(2) === 0,
	(random) => random(2 ** 32) - 2 ** 31,
	(random) => (random(2 ** 32) - 2 ** 31) * 2 ** (random(100) - 50),
	(random) => [-0, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 53, 0.1][random(8)],
	(random) => Array.from({ length: random(20) }, () => String.fromCharCode(random(0xffff))).join(""),
	(random) => "key ".repeat(random(40)),
	(random) => BigInt(random(2 ** 32)) ** BigInt(random(20)) * (random(2) === 0 ? 1n : -1n),
	(random) => new Date(random(2) === 0 ? NaN : random(2 ** 32) * 1000),
	(random) => new RegExp(`a${random(10)}(?<x>b|c)*/`, ["", "g", "giu", "ys"][random(4)]),
	(random) => Uint8Array.from({ length: random(30) }, () => random(256)),
	(random) => new Float64Array(random(5)).fill(random(2 ** 32) / 3),
	(random) => new BigInt64Array([BigInt(random(2 ** 32))]),
	(random) => new DataView(new ArrayBuffer(8 + random(8))),
	(random) => Uint16Array.from({ length: random(9) }, () => random(65536)).buffer,
	(random) => new Number(random(100)),
	() => Object("boxed"),
	(random) => new ([Error, TypeError, RangeError][random(3)] as typeof Error)(`message ${random(10)}`),
];

/** A random value in which no object occurs twice. */
export const randomTree = (random: Random, depth: number): unknown => randomValue(random, depth, [], true);

/** A random value; with `isTree` false, one in which objects occur twice, and refer to themselves. */
export function randomValue(random: Random, depth: number, seen: object[] = [], isTree = false): unknown {
	const known = <Some extends object>(value: Some): Some => {
		seen.push(value);
		return value;
	};
	const inner = (): unknown => randomValue(random, depth - 1, seen, isTree);
	if (!isTree && seen.length > 0 && random(8) === 0) return seen[random(seen.length)];
	switch (depth > 0 ? random(7) : 6) {
		case 0: {
			const array = known<unknown[]>([]);
			for (let i = 0, length = random(6); i < length; i++) {
				if (random(5) === 0) array.length = i + 1;
				else array[i] = inner();
			}
			return array;
		}
		case 1: {
			const object = known<Record<string, unknown>>({});
			for (let i = random(6); i > 0; i--)
				object[["a", "b", "", "__proto__x", "\ud800", "é", "0"][random(7)] as string] = inner();
			return object;
		}
		case 2: {
			const map = known(new Map<unknown, unknown>());
			for (let i = random(5); i > 0; i--) map.set(inner(), inner());
			return map;
		}
		case 3: {
			const set = known(new Set<unknown>());
			for (let i = random(5); i > 0; i--) set.add(inner());
			return set;
		}
		default:
			return leaves[random(leaves.length)]?.(random);
	}
}
