/** Wakes of this thread's event loop, one after another with a gap in between. */
export interface WakeSource extends AsyncDisposable {
	readonly title: string;
	/** Has the event loop woken `count` times and answers how long each took, from the waker's stamp to our function. */
	run(count: number): Promise<Float64Array>;
}
