import { fileURLToPath } from "node:url";

export interface BaselineOptions {
	readonly senders: number;
	readonly receivers: number;
	/** Messages in all. */
	readonly count: number;
	readonly min: number;
	readonly max: number;
	readonly ringBytes: number;
}

/** `native/bench/baseline.c`: the same messages through the barest ring in C; started once, then run round after round. */
export class BaselineProgram implements AsyncDisposable {
	readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
	readonly #lines: ReadableStreamDefaultReader<Uint8Array>;
	readonly #signal: AbortSignal;
	readonly #kill = (): void => this.#child.kill("SIGTERM");

	constructor({ senders, receivers, count, min, max, ringBytes }: BaselineOptions, signal: AbortSignal) {
		signal.throwIfAborted();
		const program = fileURLToPath(new URL("../../../../native/build/baseline", import.meta.url));
		const numbers = [senders, receivers, count, min, max, ringBytes].map(String);
		this.#child = Bun.spawn([program, ...numbers], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
		this.#lines = this.#child.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
		this.#signal = signal;
		signal.addEventListener("abort", this.#kill, { once: true });
	}

	/** Nanoseconds from the first send to the moment the last receiver had everything, every byte checked. */
	async round(): Promise<number> {
		this.#child.stdin.write("\n");
		this.#child.stdin.flush();
		let text = "";
		while (!text.endsWith("\n")) {
			const { value, done } = await this.#lines.read();
			if (done) throw new Error(`the baseline ended early (status ${await this.#child.exited})`);
			text += new TextDecoder().decode(value);
		}
		return Number(text);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#signal.removeEventListener("abort", this.#kill);
		this.#child.stdin.end();
		await this.#child.exited;
	}
}
