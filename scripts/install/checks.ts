/** The checks of one run: each is printed when it has ended, and counted. */
import { closingLine, type Sums } from "../lib/sums.ts";

export interface Check {
	readonly title: string;
	/** What it has found; why it failed. */
	readonly text: string;
	readonly passed: boolean;
	readonly seconds: number;
}

/** A condition that does not hold. */
export function claim(condition: boolean, otherwise: string): asserts condition {
	if (!condition) throw new Error(otherwise);
}

export class Checks {
	readonly #sums: Sums = { passed: 0, failed: 0 };
	readonly #notes: string[] = [];

	/** Does the work. It fails if the work throws; what the work returns is printed. */
	async check(title: string, work: () => Promise<string>): Promise<Check> {
		const started = performance.now();
		const { passed, text } = await work().then(
			(found) => ({ passed: true, text: found }),
			(error: unknown) => ({ passed: false, text: error instanceof Error ? error.message : String(error) }),
		);
		const seconds = (performance.now() - started) / 1000;
		this.#sums[passed ? "passed" : "failed"]++;
		const start = `${passed ? "passed" : "FAILED"}  ${title}, ${seconds.toFixed(1)} s`;
		console.log(text === "" ? start : `${start}: ${text}`);
		return { title, text, passed, seconds };
	}

	/** What cannot run on this machine is named, and not counted. */
	notRun(what: string, why: string): void {
		this.note(`did not run, and is not counted: ${what}: ${why}`);
	}

	/** A line that is printed at the end. */
	note(line: string): void {
		this.#notes.push(line);
	}

	/** Prints the notes, and the sums as the last line. */
	close(): Readonly<Sums> {
		for (const line of this.#notes) console.log(line);
		console.log(`\n${closingLine(this.#sums)}`);
		return this.#sums;
	}
}
