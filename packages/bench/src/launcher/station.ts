import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { Interrupted } from "../command/run_command.ts";

/** A Bun process that measures when it is told to: each line it reads is a task, each that it prints a result. */
export class Station implements AsyncDisposable {
	readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
	readonly #output: ReadableStreamDefaultReader<Uint8Array>;
	readonly #what: string;
	readonly #signal: AbortSignal;
	readonly #kill = (): void => this.#child.kill("SIGTERM");

	#isAtWork = false;

	/** @param script the program of the process */
	constructor(script: URL, args: readonly string[], signal: AbortSignal) {
		signal.throwIfAborted();
		const path = fileURLToPath(script);
		this.#what = [basename(path), ...args].join(" ");
		this.#child = Bun.spawn([process.execPath, path, ...args], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
		this.#output = this.#child.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
		this.#signal = signal;
		signal.addEventListener("abort", this.#kill, { once: true });
	}

	/** One task: the number that comes back. */
	async ask(task: string): Promise<number> {
		this.#isAtWork = true;
		this.#child.stdin.write(`${task}\n`);
		this.#child.stdin.flush();
		let text = "";
		while (!text.endsWith("\n")) {
			const { value, done } = await this.#output.read();
			if (done) {
				await this.#child.exited;
				this.#signal.throwIfAborted();
				const { exitCode, signalCode } = this.#child;
				if (signalCode === "SIGINT" || exitCode === 130) throw new Interrupted(`${this.#what} was interrupted`);
				throw new Error(`${this.#what} ended early (${signalCode ?? `status ${exitCode}`})`);
			}
			text += new TextDecoder().decode(value);
		}
		this.#isAtWork = false;
		return Number(text);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#signal.removeEventListener("abort", this.#kill);
		this.#child.stdin.end();
		// Idle, it ends by itself; at work, nobody is there any more to hear of it.
		if (this.#isAtWork) this.#kill();
		await this.#child.exited;
	}
}
