/**
 * What a thread leaves that is terminated before one of its stores: for tests. Everything that others can see is stored by
 * Atomics, so a thread is "killed" by an exception before the store, and by another before each store after it: what `finally`
 * does has no effect either.
 */
const WRITES = ["store", "exchange", "compareExchange", "add", "sub", "and", "or"] as const;

class Killed extends Error {}

/** Runs `action`, killed before its store number `at` (from 0 on); false: it had fewer. */
export function killedAt(at: number, action: () => void): boolean {
	const real = Object.fromEntries(WRITES.map((name) => [name, Atomics[name]]));
	let stores = 0;
	for (const name of WRITES)
		Object.assign(Atomics, {
			[name]: (...args: unknown[]) => {
				if (stores++ >= at) throw new Killed();
				return (real[name] as unknown as (...args: unknown[]) => unknown)(...args);
			},
		});
	try {
		action();
		return false;
	} catch (error) {
		if (error instanceof Killed) return true;
		throw error;
	} finally {
		Object.assign(Atomics, real);
	}
}
