/** The object under test, and how its messages are numbered in the logs. */
import { Channel, Queue, type Receiver, Route, type Sender } from "@libipc/core";
import type { Plan } from "./plan.ts";

/** The name of the object under test. */
export const NAME = "tested";

/** Where a queue's messages go that are rejected, or put back too often. */
export const DEAD_LETTERS = `${NAME}.dead`;

/** How many messages one instance may send, so that an entry of a log can number them. */
export const MAX_MESSAGES = 1 << 20;

/** Permits of the semaphore under test. */
export const PERMITS = 2;

/** A message in a log: the instance that sent it, and its number. */
export const entryOf = (sender: number, sequence: number): number => sender * MAX_MESSAGES + sequence;
export const senderOf = (entry: number): number => Math.floor(entry / MAX_MESSAGES);
export const sequenceOf = (entry: number): number => entry % MAX_MESSAGES;

export function topicOf(
	{ kind, overflow, capacity }: Plan,
	prefix: string,
): { sender(): Sender; receiver(): Receiver; observer(): Receiver } {
	const factory = kind === "route" ? Route : kind === "channel" ? Channel : Queue;
	const options = { prefix, overflow, capacity };
	return {
		sender: () => factory.sender(NAME, options),
		receiver: () =>
			kind === "queue"
				? Queue.receiver(NAME, { ...options, maxAttempts: 3, deadLetter: DEAD_LETTERS })
				: factory.receiver(NAME, options),
		observer: () => (kind === "route" ? Route : Channel).receiver(NAME, { ...options, lossy: true }),
	};
}
