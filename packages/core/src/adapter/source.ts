import { invalid, show } from "../check/argument.ts";
import type { ReceiverEndpoint } from "../endpoint/receiver.ts";
import type { Receiver } from "../endpoint/types.ts";
import type { ValueReceiver } from "../value/value_types.ts";

/** A receiver of bytes or of values. */
export type AnyReceiver = Receiver | ValueReceiver<unknown>;

/** What the receivers of bytes of every engine have besides their public calls. */
type Waits = Pick<ReceiverEndpoint, "receiveAsync">;

interface Takes {
	tryTake(): unknown;
}

/**
 * The messages of a receiver for an adapter. An adapter takes a message where it hands it on, in {@link next}, and never before: so no
 * message is lost when the adapter stops.
 */
export class Source<Value> {
	readonly #receiver: AnyReceiver;
	readonly #waits: Waits;
	readonly #take: () => unknown;

	/** `call`: how error messages name the adapter. `leases`: leases instead of messages. */
	constructor(call: string, receiver: AnyReceiver, leases = false) {
		this.#receiver = receiver;
		if (receiver === null || typeof receiver !== "object" || typeof receiver.tryRecv !== "function")
			throw invalid("", `${call} needs a receiver, such as Channel.receiver("log"), not ${show(receiver)}.`);
		const { name } = receiver;
		const takes = receiver as Partial<Takes>;
		if (leases && typeof takes.tryTake !== "function")
			throw invalid(name, `leases of ${call} is for receivers of queues only: other messages have no lease.`);
		this.#waits = ("bytes" in receiver ? receiver.bytes : receiver) as Receiver & Waits;
		// Without a message, bytes and leases are null, and values undefined: null may be a value.
		const nothing = leases || !("bytes" in receiver) ? null : undefined;
		this.#take = () => {
			const taken = leases ? takes.tryTake?.() : receiver.tryRecv();
			return taken === nothing ? undefined : taken;
		};
	}

	get name(): string {
		return this.#receiver.name;
	}

	get closed(): boolean {
		return this.#receiver.closed;
	}

	/**
	 * Waits for a message and hands it to `put` in the same turn in which it is taken. While `isWanted` says false, nothing is taken; the
	 * wait then ends at the next signal.
	 *
	 * @returns false if the receiver is closed.
	 */
	async next(put: (value: Value) => void, signal: AbortSignal, isWanted: () => boolean = () => true): Promise<boolean> {
		const attempt = (): true | undefined => {
			if (!isWanted()) return true;
			const value = this.#take();
			if (value === undefined) return undefined;
			put(value as Value);
			return true;
		};
		try {
			await this.#waits.receiveAsync(attempt, { signal });
			return true;
		} catch (error) {
			if (this.closed) return false;
			throw error;
		}
	}
}
