import { BunProgram } from "../launcher/bun_program.ts";
import type { Program } from "../launcher/program.ts";
import { WorkerProgram } from "../launcher/worker_program.ts";
import type { MeasureOptions } from "./alternative.ts";
import type { ReceiverSetup } from "./receiver_setup.ts";
import type { RoundCount } from "./round_counter.ts";

/** What a receiver reports beside the measured transport: first that it can receive, then each round. */
export type ReceiverReport = "ready" | RoundCount;

/** The receiving processes or Workers of one measurement. They end with it. */
export class Receivers<Receiver extends Program<never, ReceiverReport>> implements AsyncDisposable {
	readonly programs: readonly Receiver[];

	/** @param start starts one receiver */
	constructor({ receivers, signal }: MeasureOptions, start: (receiver: number) => Receiver) {
		signal?.throwIfAborted();
		this.programs = Array.from({ length: receivers }, (_, receiver) => start(receiver));
	}

	/** Waits until every receiver can receive. */
	async allReady(): Promise<void> {
		await Promise.all(this.programs.map((program) => program.report()));
	}

	/** The sum of all reports of the round that is about to start. Call it before the first send. */
	async nextRound(): Promise<RoundCount> {
		const sum = { delivered: 0, corrupt: 0 };
		for (const report of await Promise.all(this.programs.map((program) => program.report()))) {
			if (report === "ready") throw new Error("a receiver reported that it is ready instead of the result of a round");
			sum.delivered += report.delivered;
			sum.corrupt += report.corrupt;
		}
		return sum;
	}

	/** The result of `work`; rejects if a receiver fails or the signal aborts before that. */
	unlessFailed<T>(work: Promise<T>): Promise<T> {
		return Promise.race([work, ...this.programs.map(({ failure }) => failure)]);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.programs.map((program) => program[Symbol.asyncDispose]()));
	}
}

export interface ReceiverOptions<Stdin extends "pipe" | "ignore"> {
	/** File name of the receiver's program in this folder. */
	readonly program: string;
	readonly stdin?: Stdin;
	/** The address of each receiver, for transports that have addresses. */
	readonly address?: (receiver: number) => string;
	/** The URL of a module that the transport needs. */
	readonly module?: string;
}

function programOptions(
	{ min, max, signal }: MeasureOptions,
	{ program, address, module }: ReceiverOptions<"pipe" | "ignore">,
	receiver: number,
) {
	const setup: ReceiverSetup = { min, max, ...(address && { address: address(receiver) }), ...(module && { module }) };
	return {
		name: `receiver ${receiver} of ${program}`,
		program: new URL(program, import.meta.url),
		args: [JSON.stringify(setup)],
		signal,
		isRaw: true,
	};
}

export type ReceiverProcess<Stdin extends "pipe" | "ignore"> = BunProgram<never, ReceiverReport, Stdin>;

export function receiverProcesses<Stdin extends "pipe" | "ignore" = "ignore">(
	measure: MeasureOptions,
	options: ReceiverOptions<Stdin>,
): Receivers<ReceiverProcess<Stdin>> {
	const { stdin } = options;
	return new Receivers(
		measure,
		(receiver) =>
			new BunProgram<never, ReceiverReport, Stdin>({
				...programOptions(measure, options, receiver),
				...(stdin && { stdin }),
			}),
	);
}

export function receiverWorkers(
	measure: MeasureOptions,
	options: ReceiverOptions<"ignore">,
): Receivers<WorkerProgram<never, ReceiverReport>> {
	return new Receivers(measure, (receiver) => new WorkerProgram(programOptions(measure, options, receiver)));
}
