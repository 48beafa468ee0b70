/** Refuses a counter that lost an addition: then the lock let two in at once, or none of the times means anything. */
export function checkCount(what: string, counted: number, expected: number): void {
	if (counted === expected) return;
	throw new Error(`${what} counted to ${counted.toLocaleString("en")}, not ${expected.toLocaleString("en")}`);
}
