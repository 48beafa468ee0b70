import { invalid, show } from "../check/argument.ts";
import type { Latency } from "./stamp_types.ts";

/** Values below twice this have a bucket each. Above, each doubling has so many: a bucket is at most 1/64 of its values wide. */
const STEPS = 64;
const STEP_BITS = 6;
/** Integers are exact up to here; longer times (104 days) count as so long. */
const LARGEST = Number.MAX_SAFE_INTEGER;
const LARGEST_BITS = 53;
const BUCKETS = (LARGEST_BITS - STEP_BITS + 1) * STEPS;

/** The bits of a whole number above 0. */
const bitsOf = (value: number): number =>
	value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32));

function bucketOf(value: number): number {
	if (value < 2 * STEPS) return value;
	const shift = bitsOf(value) - STEP_BITS - 1;
	return shift * STEPS + Math.floor(value / 2 ** shift);
}

/** The largest value in a bucket. */
function highestIn(bucket: number): number {
	if (bucket < 2 * STEPS) return bucket;
	const shift = Math.floor(bucket / STEPS) - 1;
	return (bucket - shift * STEPS + 1) * 2 ** shift - 1;
}

/** Counts of times in buckets whose width is a fixed part of the time, as in an HDR histogram. */
export class Histogram implements Latency {
	readonly #endpoint: string;
	/** Allocated with the first value: 24 KiB. */
	#counts: Float64Array | undefined;
	#count = 0;
	#sum = 0;
	#min = LARGEST;
	#max = 0;

	/** `endpoint`: the name for error messages. */
	constructor(endpoint: string) {
		this.#endpoint = endpoint;
	}

	get count(): number {
		return this.#count;
	}

	get min(): number {
		return this.#count === 0 ? 0 : this.#min;
	}

	get max(): number {
		return this.#max;
	}

	get mean(): number {
		return this.#count === 0 ? 0 : this.#sum / this.#count;
	}

	/** Adds a time. What shared memory says may be any number, and the clock of another time namespace may be ahead: that counts as 0. */
	record(nanoseconds: number): void {
		const value = nanoseconds > 0 ? Math.min(Math.round(nanoseconds), LARGEST) : 0;
		this.#counts ??= new Float64Array(BUCKETS);
		const bucket = bucketOf(value);
		this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
		this.#count++;
		this.#sum += value;
		if (value < this.#min) this.#min = value;
		if (value > this.#max) this.#max = value;
	}

	percentile(percent: number): number {
		if (typeof percent !== "number" || !(percent >= 0 && percent <= 100))
			throw invalid(this.#endpoint, `percent must be a number from 0 to 100, not ${show(percent)}.`);
		if (!this.#counts || this.#count === 0) return 0;
		let left = Math.max(1, Math.ceil((this.#count * percent) / 100));
		let bucket = 0;
		while (bucket < BUCKETS - 1 && left > (this.#counts[bucket] as number)) left -= this.#counts[bucket++] as number;
		return Math.max(this.#min, Math.min(highestIn(bucket), this.#max));
	}

	reset(): void {
		this.#counts?.fill(0);
		this.#count = 0;
		this.#sum = 0;
		this.#min = LARGEST;
		this.#max = 0;
	}
}
