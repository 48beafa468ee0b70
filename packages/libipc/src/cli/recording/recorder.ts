import { setTimeout as sleep } from "node:timers/promises";
import { type Listening, listen, monotonicNs, type Receiver } from "libipc";
import { Backlog } from "./backlog.ts";
import type { RecordingWriter } from "./recording_writer.ts";

/** The most messages that one call of `drain` takes. */
const TURN = 1024;
/** The most messages of a name without stamps in one round, so that the other names have their turns. */
const MOST_UNSTAMPED = 16 * TURN;

/** After the last message of names with stamps, so many rounds of a millisecond come before the recorder waits to be signalled. */
const IDLE_ROUNDS = 20;

/** A name that is recorded. */
interface Stream {
	readonly index: number;
	readonly receiver: Receiver;
	/** Its messages are put in order by their stamps. */
	readonly isOrdered: boolean;
	readonly backlog: Backlog;
	/** The largest time of a stamp so far: the place of the last message in the order. */
	order: number;
	messages: number;
	lost: number;
	hasEnded: boolean;
	/** Why; `undefined`: it was closed. */
	error: unknown;
}

/** What was recorded of a name. */
export interface StreamReport {
	readonly messages: number;
	readonly lost: number;
	/** What ended it before the recording; `undefined`: nothing. */
	readonly error: unknown;
}

/**
 * Reads several names and writes one recording.
 *
 * If all names have stamps, the order is the one in which the messages were sent, as far as programs can know it: where the receiver of
 * one message sends another one, the first comes before the second; and the messages of a name are in the order of its ring. That
 * follows from two rules.
 *
 * - The place of a message in the order is its time, or the largest time before it in its ring, if that is later. A message that was
 *   sent because of another one has a later time than it, and than all that lie before it in its ring, because those were
 *   published before it was read.
 * - A round reads the clock first, and then each ring to its end, or to a message that was sent after the clock was read. It writes
 *   what was sent before that. A message that a later round finds with an earlier time was published after the clock was read; so
 *   nothing that was written can have been sent because of it.
 *
 * Names without stamps are written in the order in which they are read.
 */
export class Recorder {
	readonly #writer: RecordingWriter;
	readonly #streams: readonly Stream[];
	readonly #isOrdered: boolean;
	readonly #listenings: Listening[] = [];
	readonly #onMessages: (total: number) => void;
	#messages = 0;
	/** What `onMessages` was called with last. */
	#reported = 0;
	#running: Promise<void> | undefined;
	#isStopped = false;
	#resolveEnded: () => void = () => {};
	#rejectEnded: (reason: unknown) => void = () => {};
	/** Resolves when all names have ended, or {@link stop} was called; rejects if the recording cannot be written. */
	readonly ended: Promise<void>;

	/**
	 * @param isOrdered - All names have stamps.
	 * @param onMessages - Called after messages were written, with how many there are in all.
	 */
	constructor(
		writer: RecordingWriter,
		receivers: readonly Receiver[],
		isOrdered: boolean,
		onMessages: (total: number) => void = () => {},
	) {
		this.#writer = writer;
		this.#isOrdered = isOrdered;
		this.#onMessages = onMessages;
		this.ended = new Promise((resolve, reject) => {
			this.#resolveEnded = resolve;
			this.#rejectEnded = reject;
		});
		this.#streams = receivers.map((receiver, index) => ({
			...{ index, receiver, isOrdered, backlog: new Backlog(), order: 0, messages: 0, lost: 0 },
			...{ hasEnded: false, error: undefined },
		}));
		for (const stream of this.#streams) {
			// While rounds go on, the handler's promise is pending: no sender has to signal this process.
			const listening = listen(stream.receiver, (message) => {
				this.#accept(stream, message);
				return this.#run();
			});
			this.#listenings.push(listening);
			listening.ended.catch((error) => this.#end(stream, error));
		}
	}

	get reports(): readonly StreamReport[] {
		return this.#streams.map(({ messages, lost, error }) => ({ messages, lost, error }));
	}

	#end(stream: Stream, error: unknown): void {
		if (stream.hasEnded || this.#isStopped) return;
		stream.hasEnded = true;
		stream.error = error;
		if (this.#streams.every(({ hasEnded }) => hasEnded)) this.#resolveEnded();
	}

	#accept(stream: Stream, bytes: Uint8Array): void {
		const { receiver, index } = stream;
		const { lost, lastStamp } = receiver;
		const readAt = monotonicNs();
		if (lost !== stream.lost) {
			// What was overwritten lay before this message.
			this.#writer.addLost(index, readAt, lost - stream.lost);
			stream.lost = lost;
		}
		stream.messages++;
		this.#messages++;
		const sentAt = lastStamp?.sentAt ?? 0;
		const sender = lastStamp?.sender ?? 0;
		if (!stream.isOrdered) {
			this.#writer.add(index, readAt, sentAt, readAt, sender, bytes);
			return;
		}
		if (sentAt > stream.order) stream.order = sentAt;
		stream.backlog.add(stream.order, sentAt, readAt, sender, bytes);
	}

	/** Takes what a name has: of one with stamps, up to a message that was sent at `until` or later. Returns how many messages it took. */
	#drain(stream: Stream, until: number): number {
		let taken = 0;
		for (;;) {
			const count = stream.receiver.drain((view) => this.#accept(stream, view), { max: TURN, timeout: 0 });
			taken += count;
			// A message in fragments is taken alone, so fewer do not mean that there are no more.
			if (count === 0) return taken;
			if (stream.isOrdered ? stream.order >= until : taken >= MOST_UNSTAMPED) return taken;
		}
	}

	/** One look at all names. Returns how many messages it took. */
	#round(isLast: boolean): number {
		const now = monotonicNs();
		let taken = 0;
		for (const stream of this.#streams) {
			if (stream.hasEnded) continue;
			try {
				taken += this.#drain(stream, now);
			} catch (error) {
				this.#end(stream, error);
			}
		}
		if (this.#isOrdered) this.#writeUntil(isLast ? Number.POSITIVE_INFINITY : now);
		if (this.#messages !== this.#reported) this.#onMessages(this.#messages);
		this.#reported = this.#messages;
		return taken;
	}

	#writeUntil(until: number): void {
		for (;;) {
			let first: Stream | undefined;
			for (const stream of this.#streams) if (stream.backlog.order < (first?.backlog.order ?? until)) first = stream;
			if (!first) return;
			const { index } = first;
			first.backlog.take((order, sentAt, readAt, sender, bytes) =>
				this.#writer.add(index, order, sentAt, readAt, sender, bytes),
			);
		}
	}

	/** Rounds, until one finds nothing. */
	#run(): Promise<void> {
		this.#running ??= this.#rounds().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	async #rounds(): Promise<void> {
		let idle = 0;
		try {
			// Without stamps, a later look would blur the order between names.
			while (idle === 0 || (this.#isOrdered && idle < IDLE_ROUNDS)) {
				// Signals and timers have their turn.
				if (idle === 0) await new Promise(setImmediate);
				else await sleep(1);
				if (this.#isStopped) return;
				const isIdle = this.#round(false) === 0;
				idle = isIdle && this.#streams.every(({ backlog }) => backlog.isEmpty) ? idle + 1 : 0;
			}
		} catch (error) {
			this.#rejectEnded(error);
		}
	}

	/** Takes what was sent before this call, and ends the recording. The receivers stay open. */
	stop(): void {
		if (this.#isStopped) return;
		for (const listening of this.#listenings) listening.stop();
		this.#round(true);
		this.#isStopped = true;
		this.#resolveEnded();
	}
}
