import type { SerializationType } from "node:child_process";
import { ForkedProgram } from "../../launcher/forked_program.ts";
import type { MeasureOptions } from "../alternative.ts";
import type { ReceiverSetup } from "../receiver_setup.ts";
import { type ReceiverReport, Receivers } from "../receivers.ts";

/** Receivers in processes that Node has forked. */
export function forkedReceivers(
	options: MeasureOptions,
	program: string,
	serialization: SerializationType,
	setupOf: (receiver: number) => Partial<ReceiverSetup>,
): Receivers<ForkedProgram<ReceiverReport>> {
	const { min, max } = options;
	return new Receivers(
		options,
		(receiver) =>
			new ForkedProgram({
				name: `receiver ${receiver} of ${program} in Node`,
				program: new URL(program, import.meta.url),
				args: [JSON.stringify({ min, max, ...setupOf(receiver) } satisfies ReceiverSetup)],
				serialization,
			}),
	);
}
