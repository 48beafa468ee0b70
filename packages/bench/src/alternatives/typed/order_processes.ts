import { BunProgram } from "../../launcher/bun_program.ts";
import type { MeasureOptions } from "../alternative.ts";
import { type ReceiverReport, Receivers } from "../receivers.ts";

export interface OrderProcessOptions {
	/** File name of the receiver's program in this folder. */
	readonly program: string;
	readonly args?: readonly string[];
	readonly serialization?: "advanced" | "json";
}

/** Processes of Bun that receive orders. */
export function orderProcesses(
	measure: MeasureOptions,
	{ program, args, serialization }: OrderProcessOptions,
): Receivers<BunProgram<never, ReceiverReport>> {
	return new Receivers(
		measure,
		(receiver) =>
			new BunProgram<never, ReceiverReport>({
				name: `receiver ${receiver} of ${program}`,
				program: new URL(program, import.meta.url),
				signal: measure.signal,
				...(args && { args }),
				...(serialization && { serialization }),
			}),
	);
}
