/** What a command has counted. The last line that a command prints is `N passed, N failed`. */
export interface Sums {
	passed: number;
	failed: number;
}

export const closingLine = ({ passed, failed }: Readonly<Sums>): string => `${passed} passed, ${failed} failed`;

/** The sums of the last closing line in the output; undefined if there is none. */
export function sumsOf(output: string): Sums | undefined {
	const [, passed, failed] = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1) ?? [];
	return passed === undefined ? undefined : { passed: Number(passed), failed: Number(failed) };
}
