/** Wakes the event loop of this thread, again and again with a gap in between. */
export interface WakeSource extends AsyncDisposable {
	readonly title: string;
	/** Wakes `count` times. Answers nanoseconds of each, from the stamp of the waker to the function that it wakes. */
	run(count: number): Promise<Float64Array>;
}
