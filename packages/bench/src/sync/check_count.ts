/** Throws if the counter lost an addition: then the lock let two processes in at once, and no time has a meaning. */
export function checkCount(what: string, counted: number, expected: number): void {
	if (counted === expected) return;
	throw new Error(`${what} counted to ${counted.toLocaleString("en")}, not ${expected.toLocaleString("en")}`);
}
