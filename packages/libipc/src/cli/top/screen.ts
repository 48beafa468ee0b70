/** A terminal whose whole screen belongs to this program, until it is closed. */
export class Screen implements Disposable {
	readonly #out: NodeJS.WriteStream;
	readonly #in: NodeJS.ReadStream;
	readonly #onKeys: (data: string) => void;
	readonly #onResize: () => void;
	readonly #read: (data: Buffer | string) => void;
	#isOpen = true;

	/**
	 * @param onKeys - Called with what the terminal sends.
	 * @param onResize - Called when the screen has another size, or was covered by another program.
	 */
	constructor(out: NodeJS.WriteStream, input: NodeJS.ReadStream, onKeys: (data: string) => void, onResize: () => void) {
		this.#out = out;
		this.#in = input;
		this.#onKeys = onKeys;
		this.#onResize = onResize;
		this.#read = (data) => this.#onKeys(data.toString());
		// The other screen, without a cursor, and no line goes on in the next one.
		out.write("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J");
		out.on("resize", onResize);
		process.on("SIGCONT", onResize);
		if (input.isTTY) {
			input.setRawMode(true);
			input.on("data", this.#read);
			input.resume();
		}
	}

	get width(): number {
		return this.#out.columns || 80;
	}

	get height(): number {
		return this.#out.rows || 24;
	}

	/** Shows these lines, by one write: no half of a frame is seen. */
	show(lines: readonly string[]): void {
		// Erased before: behind a full line, the cursor still stands on its last letter.
		if (this.#isOpen) this.#out.write(`\x1b[H${lines.map((line) => `\x1b[2K${line}`).join("\r\n")}`);
	}

	/** Gives the terminal back as it was. */
	[Symbol.dispose](): void {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#out.off("resize", this.#onResize);
		process.off("SIGCONT", this.#onResize);
		if (this.#in.isTTY) {
			this.#in.off("data", this.#read);
			this.#in.setRawMode(false);
			this.#in.pause();
			this.#in.unref();
		}
		this.#out.write("\x1b[?7h\x1b[?25h\x1b[?1049l");
	}
}
