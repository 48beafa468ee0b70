import { Worker } from "node:worker_threads";

/** Programs run as this file does: as they are, or compiled beside it. */
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));

/** A program in `programs/` on a thread of its own; the thread ends with the test, whatever happens. */
export class Peer implements AsyncDisposable {
	readonly #worker: Worker;
	readonly #said: string[] = [];
	#ended: { readonly status: number; readonly error: unknown } | undefined;
	#error: unknown;
	/** Those who wait for a line, or the end. */
	#waiting: (() => void)[] = [];
	readonly exited: Promise<number>;

	constructor(program: string, args: readonly (string | number)[]) {
		this.#worker = new Worker(new URL(`programs/${program}${extension}`, import.meta.url), {
			workerData: { args: args.map(String) },
		});
		this.#worker.on("message", (text: string) => {
			this.#said.push(text);
			this.#wake();
		});
		this.#worker.on("error", (error) => {
			this.#error = error;
		});
		this.exited = new Promise((resolve) => {
			this.#worker.on("exit", (status) => {
				this.#ended = { status, error: this.#error };
				this.#wake();
				resolve(status);
			});
		});
	}

	#wake(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const wake of waiting) wake();
	}

	/** The process it is in: this one. */
	get pid(): number {
		return process.pid;
	}

	/** Whether it has said something that nobody has asked for yet. */
	get hasSaid(): boolean {
		return this.#said.length > 0;
	}

	/** Whether its thread has ended. */
	get hasEnded(): boolean {
		return this.#ended !== undefined;
	}

	/** The next line it says; rejects if it ends instead. */
	async line(): Promise<string> {
		for (;;) {
			const line = this.#said.shift();
			if (line !== undefined) return line;
			if (this.#ended)
				throw new Error(`the peer ended (${this.#ended.status}) before it said a line`, { cause: this.#ended.error });
			await new Promise<void>((resolve) => {
				this.#waiting.push(resolve);
			});
		}
	}

	/** The next line, as JSON. */
	async report<Report>(): Promise<Report> {
		return JSON.parse(await this.line()) as Report;
	}

	/** Terminates the thread, wherever it is. */
	async kill(): Promise<void> {
		await this.#worker.terminate();
		await this.exited;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}

/** Peers that end together. */
export class Crew implements AsyncDisposable {
	readonly #peers: Peer[] = [];

	add(peer: Peer): Peer {
		this.#peers.push(peer);
		return peer;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.#peers.map((peer) => peer.kill()));
	}
}
