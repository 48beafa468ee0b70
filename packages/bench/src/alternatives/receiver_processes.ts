import { join } from "node:path";
import type { Subprocess } from "bun";
import type { MeasureOptions } from "./alternative.ts";
import type { ReceiverEvent } from "./receiver_event.ts";
import { ReceiverReports } from "./receiver_reports.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";

/** A receiver whose standard input is a pipe or nothing. */
export type ReceiverProcess<Stdin extends "pipe" | "ignore"> = Subprocess<Stdin, "ignore", "inherit">;

export interface ReceiverProcessOptions<Stdin extends "pipe" | "ignore"> {
	/** File name of the receiver's program, next to this file. */
	readonly entry: string;
	readonly stdin: Stdin;
	/** Address of each receiver, for transports that have addresses. */
	readonly address?: (receiver: number) => string;
}

/** The receiving processes of one measurement: they say how they fare over Bun's ipc, and end with it. */
export class ReceiverProcesses<Stdin extends "pipe" | "ignore"> implements AsyncDisposable {
	readonly processes: readonly ReceiverProcess<Stdin>[];
	readonly reports: ReceiverReports;
	#ending = false;

	constructor(measure: MeasureOptions, options: ReceiverProcessOptions<Stdin>) {
		this.reports = new ReceiverReports(measure.receivers, measure.signal);
		const processes: ReceiverProcess<Stdin>[] = [];
		this.processes = processes;
		try {
			for (let receiver = 0; receiver < measure.receivers; receiver++) {
				processes.push(this.#spawn(receiver, measure, options));
			}
		} catch (error) {
			// Nobody disposes of what was never constructed.
			this.#end();
			throw error;
		}
	}

	#spawn(
		receiver: number,
		{ min, max }: MeasureOptions,
		{ entry, stdin, address }: ReceiverProcessOptions<Stdin>,
	): ReceiverProcess<Stdin> {
		const setup: ReceiverSetup = { min, max, ...(address && { address: address(receiver) }) };
		return Bun.spawn({
			cmd: [process.execPath, join(import.meta.dir, entry), JSON.stringify(setup)],
			stdin,
			stdout: "ignore",
			stderr: "inherit",
			serialization: "advanced",
			ipc: (event: ReceiverEvent) => this.reports.add(event),
			onExit: (child, code, signal) => {
				if (this.#ending) return;
				const end = signal === null ? `code ${code}` : `signal ${signal}`;
				this.reports.fail(new Error(`Receiver ${receiver} (${entry}, pid ${child.pid}) ended early with ${end}.`));
			},
		});
	}

	#end(): void {
		this.#ending = true;
		this.reports[Symbol.dispose]();
		// They hold nothing that needs a farewell, and one that is stuck would not hear a polite signal.
		for (const child of this.processes) child.kill("SIGKILL");
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#end();
		await Promise.all(this.processes.map((child) => child.exited));
	}
}
