let names: ReadonlyMap<number, string> | undefined;

/** Made for the first error: `node:os` is not loaded before. */
function readNames(): ReadonlyMap<number, string> {
	const { errno } = process.getBuiltinModule("node:os").constants;
	// Of two names for one number, the first counts: EAGAIN, not EWOULDBLOCK.
	const entries = Object.entries(errno).reverse();
	return new Map(entries.map(([name, number]) => [number, name]));
}

/** The name of an error of the system, such as `ENOSPC`. The numbers are not the same on all systems. */
export function errnoName(number: number): string {
	names ??= readNames();
	return names.get(number) ?? `system error ${number}`;
}
