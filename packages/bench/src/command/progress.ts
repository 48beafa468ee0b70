/** One line on standard error that says what is measured now; nothing if that is not a terminal. */
export class Progress implements Disposable {
	readonly #terminal = process.stderr.isTTY === true;

	show(text: string): void {
		if (this.#terminal) process.stderr.write(`\r\x1b[2K${text}`);
	}

	clear(): void {
		this.show("");
	}

	[Symbol.dispose](): void {
		this.clear();
	}
}
