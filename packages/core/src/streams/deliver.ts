import { invalid, show } from "../check/argument.ts";
import type { Sender } from "../endpoint/types.ts";
import type { ValueSender } from "../value/value_types.ts";

/** A sender of bytes or of values. */
export type AnySender = Sender | ValueSender<unknown>;

export function checkSender(call: string, sender: AnySender): void {
	if (sender === null || typeof sender !== "object" || typeof sender.sendAsync !== "function")
		throw invalid("", `${call} needs a sender, such as Channel.sender("log"), not ${show(sender)}.`);
}

/**
 * Sends a message of a stream. It waits while the ring is full, and while there is no receiver: a stream loses nothing. Only the policy
 * of the name, `drop-newest`, drops messages.
 */
export async function deliver(sender: AnySender, message: unknown, signal: AbortSignal): Promise<void> {
	for (;;) {
		const sending = sender.sendAsync(message as never, { signal });
		if ((await sending) || sending.refusal !== "no-receivers") return;
		await sender.receiversReady(1, { signal });
	}
}
