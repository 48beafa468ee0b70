/** How much of its full volume a test with many messages or rounds runs: 1, or what the quick run sets. */
const factor = Number(process.env.LIBIPC_TEST_SCALE ?? 1);

/** The volume of a test: `full` in a full run, less in a quick one, but at least `least`. */
export function scale(full: number, least = 1): number {
	return Math.max(Math.min(least, full), Math.round(full * factor));
}
