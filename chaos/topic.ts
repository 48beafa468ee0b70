/** What the participants of a round send over. */
import { Channel, Queue, type Receiver, Route, type Sender } from "@libipc/core";
import type { Plan } from "./plan.ts";

/** Of one sender's life: what an entry of a journal can number. */
export const MOST_MESSAGES = 1 << 20;

/** Permits of the semaphore that is tried. */
export const PERMITS = 2;

/** A message in a journal: who sent it, and its number. */
export const entryOf = (life: number, sequence: number): number => life * MOST_MESSAGES + sequence;
export const lifeOf = (entry: number): number => Math.floor(entry / MOST_MESSAGES);
export const sequenceOf = (entry: number): number => entry % MOST_MESSAGES;

export function topicOf(
	{ kind, overflow, capacity }: Plan,
	prefix: string,
): { sender(): Sender; receiver(): Receiver } {
	const factory = kind === "route" ? Route : kind === "channel" ? Channel : Queue;
	const options = { prefix, overflow, capacity };
	return {
		sender: () => factory.sender("tried", options),
		receiver: () => factory.receiver("tried", options),
	};
}
