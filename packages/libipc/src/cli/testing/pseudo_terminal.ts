/** A pseudo-terminal with a `libipc` in it, for commands that use the whole screen. */
import { killAtEnd } from "@libipc/testing/cleanup";
import { runtimes } from "./run_libipc.ts";

export class PseudoTerminal implements AsyncDisposable {
	readonly #process: Bun.Subprocess;
	readonly #terminal: Bun.Terminal;
	readonly #release: () => void;
	/** Everything that the program has written. */
	written = "";
	#changed: () => void = () => {};

	constructor(
		args: readonly string[],
		cols: number,
		rows: number,
		command: readonly string[] = runtimes[0]?.[1] ?? [],
	) {
		const decoder = new TextDecoder();
		this.#terminal = new Bun.Terminal({
			cols,
			rows,
			data: (_, bytes) => {
				this.written += decoder.decode(bytes, { stream: true });
				this.#changed();
			},
		});
		this.#process = Bun.spawn([...command, ...args], {
			terminal: this.#terminal,
			env: { ...process.env, LIBIPC_PREFIX: undefined, NO_COLOR: undefined, TERM: "xterm" },
		});
		this.#release = killAtEnd(this.#process.pid);
	}

	get pid(): number {
		return this.#process.pid;
	}

	/** Presses keys. */
	type(keys: string): void {
		this.#terminal.write(keys);
	}

	/** The system signals that only to programs whose controlling terminal it is. */
	resize(cols: number, rows: number): void {
		this.#terminal.resize(cols, rows);
		this.signal("SIGWINCH");
	}

	signal(signal: NodeJS.Signals): void {
		this.#process.kill(signal);
	}

	/** The lines of the last frame, without colours. A frame begins in the upper left corner. */
	get lines(): string[] {
		const frames = this.written.split("\x1b[H");
		return Bun.stripANSI(frames.at(-1) ?? "")
			.split("\r\n")
			.map((line) => line.trimEnd());
	}

	/** Waits until the screen is as wanted. Returns its lines. */
	async shows(isRight: (lines: readonly string[]) => boolean): Promise<string[]> {
		for (;;) {
			const { lines } = this;
			if (isRight(lines)) return lines;
			if (this.#process.exitCode !== null) throw new Error(`libipc ended; the screen was\n${lines.join("\n")}`);
			await Promise.race([
				new Promise<void>((resolve) => {
					this.#changed = resolve;
				}),
				this.#process.exited,
			]);
		}
	}

	/** Waits until so many more frames were drawn. */
	async frames(count: number): Promise<void> {
		const drawn = (): number => this.written.split("\x1b[H").length;
		const target = drawn() + count;
		await this.shows(() => drawn() >= target);
	}

	/** Waits until this is the last thing that it has written; what it has written may be read after its end. */
	async wrote(text: string): Promise<void> {
		while (!this.written.endsWith(text)) await Bun.sleep(1);
	}

	/** The exit status. */
	async ended(): Promise<number> {
		const status = await this.#process.exited;
		this.#release();
		return status;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGKILL");
		await this.ended();
		this.#terminal.close();
	}
}
