/** A receiver that is idle most of the time pauses in one of eight waits. */
const MOST_SLEEPS = 4;

/** What the last waits of a receiver learned: whether a wait pauses before it sleeps. `native/src/wait_history.h` says why. */
export class SleepHistory {
	/** In a row, of waits that paused first. */
	#sleeps = 0;
	/** So many waits still sleep without a pause. */
	#atOnce = 0;

	/** At the start of a wait: whether it pauses. */
	pauses(): boolean {
		if (this.#atOnce === 0) return true;
		this.#atOnce--;
		return false;
	}

	/** After the pauses of a wait. */
	record(asleep: boolean): void {
		this.#sleeps = asleep ? Math.min(this.#sleeps + 1, MOST_SLEEPS) : 0;
		this.#atOnce = asleep ? (1 << this.#sleeps) / 2 - 1 : 0;
	}
}
