import { measureLibipc } from "./measure_libipc.ts";
import { measureProgram, type ProgramMode } from "./measure_program.ts";
import type { Receiving } from "./receive.ts";

/**
 * How long a round takes: less than a microsecond if it spins, about a hundred with system calls. In a paused round both
 * sides sleep before each message.
 */
export type Pace = "spinning" | "calling" | "paused";

export interface Reference {
	readonly id: string;
	/** The ratio should not be above this. */
	readonly budget?: number;
}

/** A way to exchange messages whose round trips are measured. */
export interface Variant {
	readonly id: string;
	readonly title: string;
	readonly pace: Pace;
	/** The variants in C that its p50 is divided by. */
	readonly against: readonly Reference[];
	/** Nanoseconds of `rounds` round trips. */
	measure(rounds: number, signal: AbortSignal): Promise<Float64Array>;
}

/** Ten times as long as the library spins and yields before it sleeps. */
const PAUSE_MS = 1;
const WARM_UP_ROUNDS = 20_000;
/** The code is compiled after these, with pauses or without. */
const PAUSED_WARM_UP_ROUNDS = 2_000;
/** Tests measure few rounds, and need no more than so many before each of these. */
const MOST_WARM_UP_ROUNDS_EACH = 20;

/** Neighbours in this list run right after each other: a disturbance of the machine meets both. */
export const variants: readonly Variant[] = [
	program("c-spin", "C, shared memory, spin", "spin", "spinning"),
	libipc("libipc-spinning", "libipc, recvInto, spinning", "block", "spinning", [{ id: "c-spin", budget: 3 }]),
	libipc("libipc-polling", "libipc, recvInto timeout 0, polling", "poll", "spinning", [{ id: "c-spin" }]),
	program("c-yield", "C, shared memory, yield", "yield", "spinning"),
	program("c-futex", "C, shared memory, futex", "futex", "calling"),
	program("c-pipe", "C, pipe", "pipe", "calling"),
	program("c-socket", "C, Unix socket", "socket", "calling"),
	program("c-futex-paused", "C, futex, both asleep", "futex", "paused"),
	program("c-backoff-paused", "C, spin 20 µs, then futex, both asleep", "backoff", "paused"),
	libipc("libipc-sleeping", "libipc, recvInto, both asleep", "block", "paused", [
		{ id: "c-futex-paused" },
		{ id: "c-backoff-paused" },
	]),
];

function program(id: string, title: string, mode: ProgramMode, pace: Pace): Variant {
	const pauseMs = pace === "paused" ? PAUSE_MS : 0;
	return {
		id,
		title,
		pace,
		against: [],
		measure: (rounds, signal) => measureProgram({ mode, rounds, pauseMs }, signal),
	};
}

function libipc(id: string, title: string, receiving: Receiving, pace: Pace, against: readonly Reference[]): Variant {
	const paused = pace === "paused";
	const pauseMs = paused ? PAUSE_MS : 0;
	const warmUpRoundsOf = (rounds: number) =>
		Math.min(paused ? PAUSED_WARM_UP_ROUNDS : WARM_UP_ROUNDS, rounds * MOST_WARM_UP_ROUNDS_EACH);
	return {
		id,
		title,
		pace,
		against,
		measure: (rounds, signal) =>
			measureLibipc({ receiving, rounds, warmUpRounds: warmUpRoundsOf(rounds), pauseMs }, signal),
	};
}
