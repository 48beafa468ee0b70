import { header, headerWord, LEASE_ATTEMPTS, limits, TakeCheck } from "@libipc/protocol";
import type { Segment } from "./segment.ts";

const { maxAttempts: MAX_ATTEMPTS, takeChecks: TAKE_CHECKS } = headerWord;

/** In the header if there is a dead-letter queue without a limit. */
const NO_LIMIT = LEASE_ATTEMPTS;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The limit of attempts and the dead-letter queue of a queue: `native/src/letters.h`. */

/** The name of the dead-letter queue; `undefined`: the queue has none. */
export function deadLetterOf({ words, bytes }: Segment): string | undefined {
	if (Atomics.load(words, MAX_ATTEMPTS) === 0) return undefined;
	// A copy: a TextDecoder refuses views of shared memory.
	const name = Uint8Array.from(bytes.subarray(header.deadLetter, header.deadLetter + limits.nameBytes));
	const end = name.indexOf(0);
	return decoder.decode(end < 0 ? name : name.subarray(0, end));
}

/** The limit; 0: there is none. */
export function maxAttemptsOf({ words }: Segment): number {
	const limit = words[MAX_ATTEMPTS] as number;
	return limit === NO_LIMIT ? 0 : limit;
}

/** Sets both for a receiver that has just joined, if it has them and the queue has none. Under the name lock. */
export function setDeadLetter({ words, bytes }: Segment, name: string, maxAttempts: number): void {
	if (name === "") return;
	if (Atomics.load(words, MAX_ATTEMPTS) === 0) {
		bytes.fill(0, header.deadLetter, header.deadLetter + limits.nameBytes + 8);
		bytes.set(encoder.encode(name), header.deadLetter);
		// The limit comes after the name: a thread that is terminated between them leaves a name that is not set.
		Atomics.store(words, MAX_ATTEMPTS, maxAttempts || NO_LIMIT);
	}
	Atomics.or(words, TAKE_CHECKS, TakeCheck.limit);
}
