/** How long a program takes to import libipc and to open its first endpoint, over an empty program. */
import { claim } from "./checks.ts";
import type { Project } from "./project.ts";
import type { Runtime } from "./runtimes.ts";

/** The runs take turns, so that a busy machine disturbs both alike. */
const RUNS = 9;

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
const least = (numbers: readonly number[]): number => Math.min(...numbers);

export async function startTime(project: Project, runtime: Runtime): Promise<string> {
	project.add("open.mjs");
	project.write("empty.mjs", "");
	const timeOf = async (file: string): Promise<number> => {
		const { status, output, milliseconds } = await project.run([
			...runtime.command,
			file,
			`install-${process.pid}-start`,
		]);
		claim(status === 0, output);
		return milliseconds;
	};
	const empty: number[] = [];
	const open: number[] = [];
	for (let run = 0; run < RUNS; run++) {
		empty.push(await timeOf("empty.mjs"));
		open.push(await timeOf("open.mjs"));
	}
	const over = (of: (numbers: readonly number[]) => number): string =>
		`${(of(open) - of(empty)).toFixed(0)} ms over ${of(empty).toFixed(0)} ms`;
	// Other programs can only lengthen a start: on a busy machine the least tells more than the median.
	return `${over(least)} (least of ${RUNS} runs each; medians: ${over(median)})`;
}
