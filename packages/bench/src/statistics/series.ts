import { median } from "./statistics.ts";

/** The values of several measurements, run after run. */
export class Series {
	readonly #runs = new Map<string, number[]>();

	note(id: string, value: number): void {
		const runs = this.#runs.get(id);
		if (runs) runs.push(value);
		else this.#runs.set(id, [value]);
	}

	median(id: string): number {
		return median(this.#runs.get(id) ?? []);
	}

	least(id: string): number {
		return Math.min(...(this.#runs.get(id) ?? [Number.NaN]));
	}

	/** Median over the runs of a value ÷ what `divisor` makes of the same run: a disturbance that meets both cancels out. */
	ratio(id: string, divisor: (of: (id: string) => number) => number): number {
		const own = this.#runs.get(id) ?? [];
		return median(own.map((value, run) => value / divisor((other) => this.#runs.get(other)?.[run] ?? Number.NaN)));
	}

	/** The {@link ratio} to one other measurement. */
	dividedBy(id: string, other: string): number {
		return this.ratio(id, (of) => of(other));
	}

	toJSON(): Record<string, readonly number[]> {
		return Object.fromEntries(this.#runs);
	}
}
