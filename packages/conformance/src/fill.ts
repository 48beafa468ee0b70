import { text } from "@libipc/testing/text";
import type { Receiver, Sender } from "./under_test.ts";

/** Fills the ring with numbered messages from 0, and returns how many fitted. */
export function fill(sender: Sender): number {
	let sent = 0;
	while (sender.trySend(`filler ${sent}`)) sent++;
	return sent;
}

/** The first `count` messages of {@link fill}. */
export const fillers = (count: number) => Array.from({ length: count }, (_, i) => `filler ${i}`);

/** Receives all that is there, as text. */
export function rest(receiver: Receiver): string[] {
	const messages: string[] = [];
	for (let message = receiver.tryRecv(); message; message = receiver.tryRecv()) messages.push(text(message));
	return messages;
}
