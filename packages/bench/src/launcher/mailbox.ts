interface Wait<Value> {
	readonly promise: Promise<Value>;
	resolve(value: Value): void;
	reject(reason: unknown): void;
}

/** `Promise.withResolvers`, which Node 20 does not have: the command `libipc bench` runs there. */
function newWait<Value>(): Wait<Value> {
	let wait: Omit<Wait<Value>, "promise"> | undefined;
	const promise = new Promise<Value>((resolve, reject) => {
		wait = { resolve, reject };
	});
	return { promise, ...(wait as Omit<Wait<Value>, "promise">) };
}

/**
 * The reports of a program, in the order in which they came. After a failure the reports that came before it can still be
 * taken; then every wait is rejected.
 */
export class Mailbox<Report> {
	readonly #reports: Report[] = [];
	readonly #waits: Wait<Report>[] = [];
	readonly #failure = newWait<never>();
	#error: { readonly reason: unknown } | undefined;

	constructor() {
		// A failure without a wait must not end the process: the next wait gets it.
		this.#failure.promise.catch(() => {});
	}

	/** Rejects when the program fails, ends too early or is aborted. */
	get failure(): Promise<never> {
		return this.#failure.promise;
	}

	push(report: Report): void {
		const wait = this.#waits.shift();
		if (wait) wait.resolve(report);
		else this.#reports.push(report);
	}

	/** Only the first failure counts. */
	fail(reason: unknown): void {
		if (this.#error) return;
		this.#error = { reason };
		this.#failure.reject(reason);
		for (const wait of this.#waits.splice(0)) wait.reject(reason);
	}

	/** The next report. */
	take(): Promise<Report> {
		const wait = newWait<Report>();
		const report = this.#reports.shift();
		if (report !== undefined) wait.resolve(report);
		else if (this.#error) wait.reject(this.#error.reason);
		else this.#waits.push(wait);
		return wait.promise;
	}
}
