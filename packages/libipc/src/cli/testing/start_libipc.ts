/** Starts `libipc` beside a test, for commands that follow something until they are ended. */
import { killAtEnd } from "@libipc/testing/cleanup";
import { type Ran, runtimes } from "./run_libipc.ts";

export interface StartOptions {
	/** The runtime and the program. Default: Bun. */
	readonly command?: readonly string[];
	readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A `libipc` that runs. It ends with the test, whatever happens. */
export class RunningLibipc implements AsyncDisposable {
	readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
	readonly #release: () => void;
	readonly #out = { text: "" };
	readonly #err = { text: "" };
	readonly #read: Promise<unknown>;
	#changed: () => void = () => {};

	constructor(args: readonly string[], { command = runtimes[0]?.[1] ?? [], env }: StartOptions = {}) {
		this.#process = Bun.spawn([...command, ...args], {
			env: { ...process.env, LIBIPC_PREFIX: undefined, NO_COLOR: undefined, ...env },
			stdin: "ignore",
			stdout: "pipe",
			stderr: "pipe",
		});
		this.#release = killAtEnd(this.#process.pid);
		this.#read = Promise.all([
			this.#collect(this.#process.stdout, this.#out),
			this.#collect(this.#process.stderr, this.#err),
		]);
	}

	get pid(): number {
		return this.#process.pid;
	}

	async #collect(stream: ReadableStream<Uint8Array>, into: { text: string }): Promise<void> {
		const decoder = new TextDecoder();
		for await (const bytes of stream) {
			into.text += decoder.decode(bytes, { stream: true });
			this.#changed();
		}
		this.#changed();
	}

	/** Waits until it has printed this. Returns all that it has printed. */
	async said(pattern: RegExp): Promise<string> {
		for (;;) {
			const all = this.#out.text + this.#err.text;
			if (pattern.test(all)) return all;
			if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
				await this.#read;
				const last = this.#out.text + this.#err.text;
				if (pattern.test(last)) return last;
				throw new Error(`libipc ended without ${pattern}: ${last}`);
			}
			await Promise.race([
				new Promise<void>((resolve) => {
					this.#changed = resolve;
				}),
				this.#process.exited,
			]);
		}
	}

	signal(signal: NodeJS.Signals): void {
		this.#process.kill(signal);
	}

	/** Waits for its end. */
	async ended(): Promise<Ran> {
		const status = await this.#process.exited;
		await this.#read;
		this.#release();
		return { status, out: this.#out.text, err: this.#err.text };
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGKILL");
		await this.ended();
	}
}
