/** A measurement of an alternative to libipc: the same messages over another transport. */
export interface MeasureOptions {
	/** Messages per round; every receiver gets all of them. */
	readonly count: number;
	/** Shortest message in bytes, at least 2. The typed alternatives send orders instead, which have a length of their format. */
	readonly min: number;
	/** Longest message in bytes. */
	readonly max: number;
	readonly receivers: number;
	/** Timed rounds, after one warm-up round in the same processes or threads. */
	readonly runs: number;
	/** An abort rejects the measurement with the reason of the signal; receivers and files are removed before. */
	readonly signal?: AbortSignal;
}

export interface AlternativeResult {
	readonly transport: string;
	readonly receivers: number;
	/** Median of the rounds, from the first send until the last receiver has every message, divided by the messages sent. */
	readonly nsPerMessage: number;
	/** Each timed round, in order. */
	readonly runsNs: readonly number[];
	/** Messages that arrived in the timed rounds, at all receivers together. */
	readonly delivered: number;
	/** `count * receivers * runs`: as many as a lossless transport delivers. */
	readonly expected: number;
	/** Messages of any round, including the warm-up, that were not, to the last bit, the next one of their sender. */
	readonly corrupt: number;
}

export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

/** A transport that a Bun program can use instead of libipc. */
export interface Alternative {
	readonly name: string;
	measure(options: MeasureOptions): Promise<AlternativeResult>;
	/** Only for a transport that may be missing; `reason` is one line for the reader of the table. */
	available?(): Promise<Availability>;
}
