import { fileURLToPath } from "node:url";
import { nodeBinary } from "../../../../scripts/node_binary.ts";

/** What talks to other processes. */
export const runtimes = ["bun", "node"] as const;
export type Runtime = (typeof runtimes)[number];

const binaries: Record<Runtime, string | undefined> = { bun: process.execPath, node: nodeBinary(26) };

/** Whether there is a Node with node:ffi on this machine. */
export const hasNode: boolean = binaries.node !== undefined;

/** A program of `testing/`, the same file in either runtime, as a process of its own; it ends with the test, whatever happens. */
export class Program implements AsyncDisposable {
	readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
	readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
	#text = "";

	constructor(runtime: Runtime, file: string, ...args: (string | number)[]) {
		const path = fileURLToPath(new URL(file, import.meta.url));
		const flags = runtime === "node" ? ["--disable-warning=ExperimentalWarning"] : [];
		this.#process = Bun.spawn([binaries[runtime] ?? "", ...flags, path, ...args.map(String)], {
			stdin: "ignore",
			stdout: "pipe",
			stderr: "inherit",
			env: { ...process.env, LIBIPC_ENGINE: "native" },
		});
		this.#reader = this.#process.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
	}

	get pid(): number {
		return this.#process.pid;
	}

	/** The next line it prints; rejects if it ends instead. */
	async line(): Promise<string> {
		for (;;) {
			const end = this.#text.indexOf("\n");
			if (end >= 0) {
				const line = this.#text.slice(0, end);
				this.#text = this.#text.slice(end + 1);
				return line;
			}
			const { value, done } = await this.#reader.read();
			if (done) throw new Error(`the program ended (${await this.#process.exited}) before it printed a line`);
			this.#text += new TextDecoder().decode(value);
		}
	}

	/** The next line, as JSON. */
	async report<Report>(): Promise<Report> {
		return JSON.parse(await this.line()) as Report;
	}

	get exited(): Promise<number> {
		return this.#process.exited;
	}

	async kill(): Promise<void> {
		this.#process.kill("SIGKILL");
		await this.#process.exited;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}
