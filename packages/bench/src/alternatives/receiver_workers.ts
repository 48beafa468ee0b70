import type { MeasureOptions } from "./alternative.ts";
import type { ReceiverEvent } from "./receiver_event.ts";
import { ReceiverReports } from "./receiver_reports.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";

export interface ReceiverWorkerOptions {
	/** File name of the receiver's program, next to this file. */
	readonly entry: string;
	readonly address?: string;
}

/** The receiving threads of one measurement. */
export class ReceiverWorkers implements AsyncDisposable {
	readonly workers: readonly Worker[];
	readonly reports: ReceiverReports;
	readonly #closed: Promise<void>[] = [];

	constructor(measure: MeasureOptions, options: ReceiverWorkerOptions) {
		this.reports = new ReceiverReports(measure.receivers, measure.signal);
		const workers: Worker[] = [];
		this.workers = workers;
		for (let receiver = 0; receiver < measure.receivers; receiver++) {
			workers.push(this.#start(receiver, measure, options));
		}
	}

	#start(receiver: number, { min, max }: MeasureOptions, { entry, address }: ReceiverWorkerOptions): Worker {
		const setup: ReceiverSetup = { min, max, ...(address !== undefined && { address }) };
		const worker = new Worker(new URL(entry, import.meta.url), { argv: [JSON.stringify(setup)] });
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#closed.push(promise);
		worker.addEventListener("message", (event: MessageEvent<ReceiverEvent>) => this.reports.add(event.data));
		worker.addEventListener("error", (event) => {
			this.reports.fail(new Error(`Receiver ${receiver} (${entry}) failed: ${event.message}`));
		});
		worker.addEventListener("close", () => {
			resolve();
			this.reports.fail(new Error(`Receiver ${receiver} (${entry}) ended early.`));
		});
		return worker;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.reports[Symbol.dispose]();
		for (const worker of this.workers) worker.terminate();
		await Promise.all(this.#closed);
	}
}
