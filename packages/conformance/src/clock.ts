/** Keeps the processor busy for a random time of up to so many ms. */
export function spin(most: number): void {
	const end = performance.now() + Math.random() * most;
	while (performance.now() < end);
}
