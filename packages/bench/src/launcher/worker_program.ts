import { type MessagePort, Worker } from "node:worker_threads";
import { Mailbox } from "./mailbox.ts";
import type { OrderMessage, Program, ProgramOptions, ReportMessage } from "./program.ts";

export interface WorkerProgramOptions extends ProgramOptions {
	/** The environment of the Worker; that of this process if it is left out. */
	readonly env?: NodeJS.ProcessEnv;
}

/** How long a Worker may take to end after it has been asked to. */
const END_TIMEOUT_MS = 2_000;

/** A TypeScript program in a Worker, in Bun or in Node. Orders and reports are posted. */
export class WorkerProgram<Order, Report> implements Program<Order, Report> {
	readonly worker: Worker;
	readonly #mailbox = new Mailbox<Report>();
	readonly #ended: Promise<void>;
	readonly #signal: AbortSignal | undefined;
	readonly #isRaw: boolean;

	constructor({ name, program, args = [], signal, isRaw = false, env }: WorkerProgramOptions) {
		signal?.throwIfAborted();
		this.#signal = signal;
		this.#isRaw = isRaw;
		this.worker = new Worker(program, { argv: [...args], ...(env && { env }) });
		this.worker.on("message", (message: ReportMessage<Report>) => {
			if ("report" in message) this.#mailbox.push(message.report);
			else this.#mailbox.fail(new Error(`${name} failed: ${message.error}`));
		});
		this.worker.on("error", (error: Error) => this.#mailbox.fail(new Error(`${name} failed: ${error.message}`)));
		this.#ended = new Promise((resolve) => {
			this.worker.on("exit", (status) => {
				this.#mailbox.fail(new Error(`${name} (a Worker) ended with status ${status}`));
				resolve();
			});
		});
		signal?.addEventListener("abort", this.#abort, { once: true });
	}

	get failure(): Promise<never> {
		return this.#mailbox.failure;
	}

	send(order: Order, transfer: readonly MessagePort[] = []): void {
		this.worker.postMessage({ order } satisfies OrderMessage<Order>, [...transfer]);
	}

	report(): Promise<Report> {
		return this.#mailbox.take();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#signal?.removeEventListener("abort", this.#abort);
		if (this.#isRaw || this.#signal?.aborted) this.worker.terminate();
		else this.worker.postMessage({ end: true } satisfies OrderMessage<Order>);
		const overdue = setTimeout(() => this.worker.terminate(), END_TIMEOUT_MS);
		await this.#ended;
		clearTimeout(overdue);
	}

	readonly #abort = (): void => {
		this.#mailbox.fail(this.#signal?.reason);
		this.worker.terminate();
	};
}
