/** What happens right before one of the stores of a thread: for tests. Everything that others can see is stored by Atomics. */
const WRITES = ["store", "exchange", "compareExchange", "add", "sub", "and", "or"] as const;

class Killed extends Error {}

/** Runs `action`, and before each of its stores `before`, with the number of the store, from 0 on. */
function runWith(before: (store: number) => void, action: () => void): void {
	const real = Object.fromEntries(WRITES.map((name) => [name, Atomics[name]]));
	let stores = 0;
	for (const name of WRITES)
		Object.assign(Atomics, {
			[name]: (...args: unknown[]) => {
				before(stores++);
				return (real[name] as unknown as (...args: unknown[]) => unknown)(...args);
			},
		});
	try {
		action();
	} finally {
		Object.assign(Atomics, real);
	}
}

/**
 * Runs `action`, killed before its store number `at` (from 0 on); false: it had fewer. What it leaves is what a thread leaves that is
 * terminated there: the exception comes before each store after it as well, so what `finally` does has no effect either.
 */
export function killedAt(at: number, action: () => void): boolean {
	try {
		runWith((store) => {
			if (store >= at) throw new Killed();
		}, action);
		return false;
	} catch (error) {
		if (error instanceof Killed) return true;
		throw error;
	}
}

/** Runs `action`, and before each of its stores `other`, with the number of the store: what other threads do meanwhile. Returns how many stores it had. */
export function interrupted(action: () => void, other: (store: number) => void): number {
	let stores = 0;
	let isInside = false;
	runWith(() => {
		if (isInside) return;
		isInside = true;
		other(stores++);
		isInside = false;
	}, action);
	return stores;
}
