/** Who sent a message, and when: of a name that was created with `stamp: true`. */
export interface Stamp {
	/** The number of the sender: {@link PeerEvent.id} of the same sender, and `instance` in `list()`. No other endpoint gets it. */
	readonly sender: number;
	/**
	 * When the message was sent, in nanoseconds on the clock of `monotonicNs`: when the call was made that sends it, also if that call
	 * then waits for space. Of a batch: when the message was read from the iterable; of a loan: when {@link Loan.send} was called.
	 */
	readonly sentAt: number;
}

/**
 * How long messages were on their way, from {@link Stamp.sentAt} until a receiver got them, in nanoseconds. It counts every message
 * since the receiver was opened, or since {@link reset}, and keeps no message: its memory does not grow.
 *
 * @example
 * import { Channel } from "libipc";
 *
 * using receiver = Channel.receiver("log", { stamp: true });
 * using sender = Channel.sender("log");
 * sender.send("started");
 * receiver.recv();
 * const { latency } = receiver;
 * console.log(latency?.count, latency?.percentile(99) === latency?.max); // 1 true
 */
export interface Latency {
	/** How many messages there were. */
	readonly count: number;
	/** The shortest time, exactly; 0 without messages. */
	readonly min: number;
	/** The arithmetic mean, exactly; 0 without messages. */
	readonly mean: number;
	/** The longest time, exactly; 0 without messages. */
	readonly max: number;
	/**
	 * The time within which so many per cent of the messages arrived: 50 is the median. It is at most 1/64 too high, and never more than
	 * {@link max}. 0 without messages.
	 *
	 * @param percent - 0 to 100, fractions too.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * using receiver = Channel.receiver("log", { stamp: true });
	 * console.log(receiver.latency?.percentile(99.9)); // 0
	 */
	percentile(percent: number): number;
	/**
	 * Forgets all messages.
	 *
	 * @example
	 * import { Channel } from "libipc";
	 *
	 * using receiver = Channel.receiver("log", { stamp: true });
	 * receiver.latency?.reset();
	 * console.log(receiver.latency?.count); // 0
	 */
	reset(): void;
}
