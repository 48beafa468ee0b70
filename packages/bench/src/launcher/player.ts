import { Interrupted } from "../command/run_command.ts";

/** A program that takes part in a measurement, prints its result and ends. An abort kills it. */
export class Player implements AsyncDisposable {
	readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
	readonly #what: string;
	readonly #signal: AbortSignal;
	// The C program passes SIGTERM on to its child; a Bun process in a native call dies of it as of any other.
	readonly #kill = (): void => this.#child.kill("SIGTERM");

	/** @param what names it in messages */
	constructor(what: string, command: string[], signal: AbortSignal) {
		signal.throwIfAborted();
		this.#what = what;
		this.#child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
		this.#signal = signal;
		signal.addEventListener("abort", this.#kill, { once: true });
	}

	/** All that it printed; rejects if it failed. */
	async output(): Promise<ArrayBuffer> {
		const output = await new Response(this.#child.stdout).arrayBuffer();
		await this.#child.exited;
		const { exitCode, signalCode } = this.#child;
		this.#signal.throwIfAborted();
		// Ctrl-C reaches the program too, and it may be gone before we have heard of it.
		if (signalCode === "SIGINT" || exitCode === 130) throw new Interrupted(`${this.#what} was interrupted`);
		if (exitCode !== 0) throw new Error(`${this.#what} failed (${signalCode ?? `status ${exitCode}`})`);
		return output;
	}

	/** Kills it if it has not ended, and waits until it has. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#signal.removeEventListener("abort", this.#kill);
		if (this.#child.exitCode === null && this.#child.signalCode === null) this.#kill();
		await this.#child.exited;
	}
}
