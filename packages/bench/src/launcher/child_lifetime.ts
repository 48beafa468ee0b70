import type { Subprocess } from "bun";

/** Ctrl-C ended a program of the benchmark before the benchmark itself got the signal. */
export class Interrupted extends Error {}

/** How long a process may take to end after it has been asked to, and a C program after SIGTERM. */
const END_TIMEOUT_MS = 2_000;

/** The processes that still run. They end when this process exits, for whatever reason other than SIGKILL. */
const running = new Set<ChildLifetime>();
process.on("exit", () => {
	for (const child of running) child.kill();
});

export interface ChildOptions {
	readonly name: string;
	readonly signal?: AbortSignal | undefined;
	/** SIGTERM for a program that ends its own children; SIGKILL for one that may be inside a blocking call. */
	readonly killSignal: "SIGTERM" | "SIGKILL";
	/** Called once, with the cause, when the process ends or the signal aborts before {@link ChildLifetime.end}. */
	readonly onFailure: (cause: unknown) => void;
}

/** Ends a child process by its id, and says why it ended. */
export class ChildLifetime {
	readonly #child: Subprocess;
	readonly #options: ChildOptions;
	#isEnding = false;

	constructor(child: Subprocess, options: ChildOptions) {
		this.#child = child;
		this.#options = options;
		running.add(this);
		options.signal?.addEventListener("abort", this.#abort, { once: true });
		child.exited.then(() => {
			running.delete(this);
			if (!this.#isEnding) options.onFailure(this.#whyItEnded());
		});
	}

	kill(): void {
		this.#child.kill(this.#options.killSignal);
	}

	/** Waits until the process has ended after `ask`, or without being asked; kills it if it takes too long. */
	async end(ask?: () => void): Promise<void> {
		this.#isEnding = true;
		this.#options.signal?.removeEventListener("abort", this.#abort);
		const isOver = this.#child.exitCode !== null || this.#child.signalCode !== null;
		if (!isOver) {
			if (ask && !this.#options.signal?.aborted) ask();
			else this.kill();
		}
		const overdue = setTimeout(() => this.#child.kill("SIGKILL"), END_TIMEOUT_MS);
		await this.#child.exited;
		clearTimeout(overdue);
	}

	readonly #abort = (): void => {
		this.kill();
		this.#options.onFailure(this.#options.signal?.reason);
	};

	#whyItEnded(): Error {
		const { name } = this.#options;
		const { exitCode, signalCode, pid } = this.#child;
		if (signalCode === "SIGINT" || exitCode === 130) return new Interrupted(`${name} was interrupted`);
		return new Error(`${name} (process ${pid}) ended with ${signalCode ?? `status ${exitCode}`}`);
	}
}
