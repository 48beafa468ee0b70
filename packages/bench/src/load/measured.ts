/** What one run measures. */
export interface Measured {
	/** Nanoseconds from one message to the next that the sender reached. */
	readonly reachedNs: number;
	/** Nanoseconds from the time at which each message was due until the receiver had it. */
	readonly times: Float64Array;
}
