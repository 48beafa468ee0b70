import { fileURLToPath } from "node:url";

/** A program in `testing/` run as a process of its own; it ends with the test, whatever happens. */
export class Child implements AsyncDisposable {
	readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
	readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
	#text = "";

	constructor(program: string, args: readonly (string | number)[], env: Record<string, string> = {}) {
		const file = fileURLToPath(new URL(program, import.meta.url));
		this.#process = Bun.spawn([process.execPath, file, ...args.map(String)], {
			stdin: "ignore",
			stdout: "pipe",
			stderr: "inherit",
			env: { ...process.env, ...env },
		});
		this.#reader = this.#process.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
	}

	get pid(): number {
		return this.#process.pid;
	}

	/** The next line the child prints; rejects if it ends instead. */
	async line(): Promise<string> {
		for (;;) {
			const end = this.#text.indexOf("\n");
			if (end >= 0) {
				const line = this.#text.slice(0, end);
				this.#text = this.#text.slice(end + 1);
				return line;
			}
			const { value, done } = await this.#reader.read();
			if (done) throw new Error(`the child ended (${await this.#process.exited}) before it printed a line`);
			this.#text += new TextDecoder().decode(value);
		}
	}

	/** The next line, as JSON. */
	async report<Report>(): Promise<Report> {
		return JSON.parse(await this.line()) as Report;
	}

	signal(signal: NodeJS.Signals): void {
		this.#process.kill(signal);
	}

	async kill(): Promise<void> {
		this.#process.kill("SIGKILL");
		await this.#process.exited;
	}

	get exited(): Promise<number> {
		return this.#process.exited;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}
