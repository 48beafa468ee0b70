/** What every peer is given and gives back: libipc's own workload, over what one would use without shared memory. */
export interface MeasureOptions {
	/** Messages per round; every receiver gets all of them. */
	readonly count: number;
	/** Shortest message in bytes, at least 2. */
	readonly min: number;
	/** Longest message in bytes. */
	readonly max: number;
	readonly receivers: number;
	/** Timed rounds, after one untimed warm-up round in the same processes or threads. */
	readonly runs: number;
	/** Aborting rejects the measurement with the signal's reason; receivers and files are gone by then. */
	readonly signal?: AbortSignal;
}

export interface PeerResult {
	readonly transport: string;
	readonly receivers: number;
	/** Median round, from the first send until the last receiver has everything, divided by the messages sent. */
	readonly nsPerMessage: number;
	/** Each timed round, in the order they were run. */
	readonly runsNs: readonly number[];
	/** Messages that arrived in the timed rounds, at all receivers together. */
	readonly delivered: number;
	/** `count * receivers * runs`: a transport that loses nothing delivers as many. */
	readonly expected: number;
	/** Messages of any round, warm-up included, that were not to the last bit the next one of their sender. */
	readonly corrupt: number;
}

export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

export interface Peer {
	readonly name: string;
	measure(options: MeasureOptions): Promise<PeerResult>;
	/** Only on peers that may be missing here; `reason` is one line for the reader of the table. */
	available?(): Promise<Availability>;
}
