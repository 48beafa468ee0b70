import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const PROGRAM = new URL("sender.program.ts", import.meta.url).pathname;

/** One series of messages. */
export interface Series {
	readonly perSecond: number;
	/** Of the sender's processor time: what remains of a difference if other programs use its processor, too. */
	readonly perProcessorSecond: number;
	/** How many observers the name has, without the one of the sender's process. */
	readonly observers: number;
}

/** A command that runs on one processor. */
export const pinned = (cpu: number, command: readonly string[]): string[] => ["taskset", "-c", String(cpu), ...command];

/** A process that sends as fast as it can on one processor. */
export class ObservedSender implements AsyncDisposable {
	readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
	readonly #lines: AsyncIterator<string>;

	constructor(cpu: number, prefix: string, name: string, bytes: number, signal: AbortSignal) {
		this.#process = Bun.spawn(pinned(cpu, [process.execPath, PROGRAM, prefix, name, String(bytes)]), {
			stdin: "pipe",
			stdout: "pipe",
			stderr: "inherit",
			signal,
			killSignal: "SIGKILL",
		});
		const { stdout } = this.#process;
		this.#lines = createInterface({ input: readableOf(stdout) })[Symbol.asyncIterator]();
	}

	async #line(): Promise<unknown> {
		const { value, done } = await this.#lines.next();
		if (done) throw new Error("the sender has ended");
		return JSON.parse(value);
	}

	/** Waits until it may be asked. */
	async ready(): Promise<void> {
		await this.#line();
	}

	/** Sends for so long. */
	async run(milliseconds: number): Promise<Series> {
		this.#process.stdin.write(`${milliseconds}\n`);
		this.#process.stdin.flush();
		return (await this.#line()) as Series;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.stdin.end();
		await this.#process.exited;
	}
}

const readableOf = (stream: ReadableStream<Uint8Array>): Readable =>
	Readable.fromWeb(stream as unknown as Parameters<typeof Readable.fromWeb>[0]);
