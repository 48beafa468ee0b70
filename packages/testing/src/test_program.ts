import { startProcess } from "./processes.ts";
import type { Running, StartOptions } from "./running.ts";
import { startThread } from "./threads.ts";
import { type Transport, transport } from "./transport.ts";

export interface TestProgramOptions extends StartOptions {
	/** Where it runs; without it, where LIBIPC_TRANSPORT says. */
	readonly transport?: Transport;
}

/**
 * A program that a test runs beside itself: on a thread or as a process, see `transport.ts`. It ends with the test, whatever
 * happens. The program's own side is `program.ts`.
 */
export class TestProgram implements AsyncDisposable {
	readonly #running: Running;
	readonly #said: string[] = [];
	#ended: { readonly status: number; readonly error: unknown } | undefined;
	/** Calls of {@link line} that wait for a line or the end. */
	#waiting: (() => void)[] = [];
	/** How it ended: 0, what it passed to `process.exit`, or 128 + the number of the signal that killed it. */
	readonly exited: Promise<number>;

	/**
	 * @param file the program
	 * @param args what the program finds in its `args`
	 */
	constructor(file: URL, args: readonly (string | number)[] = [], options: TestProgramOptions = {}) {
		const start = (options.transport ?? transport) === "threads" ? startThread : startProcess;
		let resolveExited = (_status: number): void => {};
		this.exited = new Promise((resolve) => {
			resolveExited = resolve;
		});
		this.#running = start(file, args.map(String), options, {
			line: (line) => {
				this.#said.push(line);
				this.#wake();
			},
			ended: (status, error) => {
				this.#ended = { status, error };
				this.#wake();
				resolveExited(status);
			},
		});
	}

	#wake(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const wake of waiting) wake();
	}

	/** The process that it runs in: this one, if it is a thread. */
	get pid(): number {
		return this.#running.pid;
	}

	/** Whether there is a line that no call has asked for yet. */
	get hasSaid(): boolean {
		return this.#said.length > 0;
	}

	/** Whether it has ended. */
	get hasEnded(): boolean {
		return this.#ended !== undefined;
	}

	/** The next line that it says. Rejects if it ends instead. */
	async line(): Promise<string> {
		for (;;) {
			const line = this.#said.shift();
			if (line !== undefined) return line;
			if (this.#ended)
				throw new Error(`the program ended (${this.#ended.status}) before it said a line`, {
					cause: this.#ended.error,
				});
			await new Promise<void>((resolve) => {
				this.#waiting.push(resolve);
			});
		}
	}

	/** The next line, as JSON. */
	async report<Report>(): Promise<Report> {
		return JSON.parse(await this.line()) as Report;
	}

	/** Sends a signal to its process. Throws for a thread. */
	signal(signal: NodeJS.Signals): void {
		this.#running.signal(signal);
	}

	/** Ends it at once, wherever it is: SIGKILL for a process, `terminate()` for a thread. Resolves when it has ended. */
	async kill(): Promise<void> {
		this.#running.kill();
		await this.exited;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}

/** Programs that end together. */
export class ProgramGroup implements AsyncDisposable {
	readonly #programs: TestProgram[] = [];

	add(program: TestProgram): TestProgram {
		this.#programs.push(program);
		return program;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.#programs.map((program) => program.kill()));
	}
}
