/**
 * One line that says what runs. On a terminal it is written again and again in the same place, elsewhere once in a while.
 */
const TERMINAL_MS = 200;
const PLAIN_MS = 30_000;

export class Progress implements Disposable {
	readonly #state: () => string;
	readonly #isTerminal = process.stdout.isTTY === true;
	readonly #timer: NodeJS.Timeout;

	/** `state` returns the line. */
	constructor(state: () => string) {
		this.#state = state;
		this.#timer = setInterval(() => this.#write(), this.#isTerminal ? TERMINAL_MS : PLAIN_MS);
		process.on("exit", this.#clear);
	}

	readonly #clear = (): void => {
		if (this.#isTerminal) process.stdout.write("\r\x1b[K");
	};

	#write(): void {
		const line = this.#state();
		if (!this.#isTerminal) console.log(line);
		else process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns ?? 80) - 1)}`);
	}

	/** Prints a line that stays. */
	print(line: string): void {
		this.#clear();
		console.log(line);
		if (this.#isTerminal) this.#write();
	}

	[Symbol.dispose](): void {
		clearInterval(this.#timer);
		process.off("exit", this.#clear);
		this.#clear();
	}
}
