import { checkFunction, checkOptionsObject, invalid, show } from "../check/argument.ts";
import { checkSignal } from "../check/call_options.ts";
import { checkOptionNames, optionNames } from "../check/option_names.ts";
import { isAborted, listenTo } from "../check/signal.ts";
import type { Lease, QueueReceiver, Receiver } from "../endpoint/types.ts";
import { isInvalidMessage } from "../value/decoding.ts";
import type { ValueLease, ValueQueueReceiver, ValueReceiver } from "../value/value_types.ts";
import { type AnyReceiver, Source } from "./source.ts";

/** How {@link listen} listens. */
export interface ListenOptions<Message> {
	/**
	 * Called with what the handler has thrown, or with what its promise was rejected with, and the message; and with the error of each
	 * invalid message (`ERR_IPC_INVALID_MESSAGE`), without a message. Listening goes on.
	 *
	 * @defaultValue the first such error ends the listening, and `ended` rejects with it
	 */
	readonly onError?: ((error: unknown, message: Message | undefined) => void) | undefined;
	/**
	 * If it is aborted, the listening stops: {@link Listening.stop}.
	 *
	 * @defaultValue no signal
	 */
	readonly signal?: AbortSignal | undefined;
}

/** How {@link listen} listens to the leases of a queue. */
export interface ListenToLeasesOptions<SomeLease> extends ListenOptions<SomeLease> {
	/**
	 * The handler gets leases instead of messages: it ends each of them. If it throws, the message is put back.
	 *
	 * @defaultValue messages, which are removed when they are taken
	 */
	readonly leases: true;
}

/** A handler that gets the messages of a receiver. */
export interface Listening extends Disposable, AsyncDisposable {
	/**
	 * Resolves when no handler runs and none will: after {@link stop}, or when the receiver was closed. Rejects with the error that
	 * ended the listening. If the program does not use this promise, such an error is an unhandled rejection.
	 */
	readonly ended: Promise<void>;
	/**
	 * Stops: the handler is not called again. What it has not got stays in the ring, for the next call that receives. The receiver
	 * stays open. The end of a `using` block calls this; that of `await using` also waits for {@link ended}.
	 *
	 * @example
	 * import { Channel, listen } from "libipc";
	 *
	 * using receiver = Channel.receiver("log");
	 * const listening = listen(receiver, (message) => console.log(message.byteLength));
	 * listening.stop();
	 * await listening.ended;
	 */
	stop(): void;
}

/**
 * Calls a handler with each lease of a queue. The handler ends the lease ({@link Lease.done}). If it throws, the message is put back.
 *
 * @throws IpcError as the other form
 * @example
 * import { listen, Queue } from "libipc";
 *
 * using receiver = Queue.receiver("jobs");
 * using sender = Queue.sender("jobs");
 * sender.send("resize cat.png");
 * const listening = listen(
 *   receiver,
 *   (lease) => {
 *     console.log(lease.attempt); // 1
 *     lease.done();
 *     listening.stop();
 *   },
 *   { leases: true },
 * );
 * await listening.ended;
 */
export function listen<Value>(
	receiver: ValueQueueReceiver<Value>,
	handler: (lease: ValueLease<Value>) => unknown,
	options: ListenToLeasesOptions<ValueLease<Value>>,
): Listening;
/**
 * Calls a handler with each lease of a queue of bytes.
 *
 * @throws IpcError as the other form
 * @example
 * import { listen, Queue } from "libipc";
 *
 * using receiver = Queue.receiver("jobs");
 * using listening = listen(receiver, (lease) => lease.done(), { leases: true });
 */
export function listen(
	receiver: QueueReceiver,
	handler: (lease: Lease) => unknown,
	options: ListenToLeasesOptions<Lease>,
): Listening;
/**
 * Calls a handler with each value that a receiver gets, as `on("message")` of other libraries. The promise of an asynchronous handler
 * is awaited before the next message is taken, so messages keep their order, and those that wait stay in the ring, where senders
 * wait for space.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`. Errors of the receiver, for example `ERR_IPC_ORPHANED`, are those of
 * {@link Listening.ended}
 * @example
 * import { Channel, listen } from "libipc";
 * import { json } from "libipc/codecs";
 *
 * using receiver = Channel.receiver("orders", { codec: json<{ id: number }>() });
 * using sender = Channel.sender("orders", { codec: json<{ id: number }>() });
 * sender.send({ id: 1 });
 * const listening = listen(receiver, async ({ id }) => {
 *   console.log(id); // 1
 *   listening.stop();
 * });
 * await listening.ended;
 */
export function listen<Value>(
	receiver: ValueReceiver<Value>,
	handler: (value: Value) => unknown,
	options?: ListenOptions<Value>,
): Listening;
/**
 * Calls a handler with each message that a receiver gets. The bytes belong to the handler.
 *
 * @throws IpcError as the other form
 * @example
 * import { Channel, listen } from "libipc";
 *
 * using receiver = Channel.receiver("log");
 * using listening = listen(receiver, (message) => console.log(message.byteLength), {
 *   onError: (error) => console.error(error),
 * });
 */
export function listen(
	receiver: Receiver,
	handler: (message: Uint8Array<ArrayBuffer>) => unknown,
	options?: ListenOptions<Uint8Array<ArrayBuffer>>,
): Listening;
export function listen(
	receiver: AnyReceiver,
	handler: (message: never) => unknown,
	options?: ListenOptions<never> & { readonly leases?: boolean },
): Listening {
	const given = checkOptionsObject("", options, "{ signal }");
	checkOptionNames("", "listen", given, optionNames.listen);
	const leases: unknown = given?.leases;
	if (leases !== undefined && typeof leases !== "boolean")
		throw invalid("", `leases must be a boolean, not ${show(leases)}.`);
	const source = new Source<unknown>("listen", receiver, leases === true);
	checkFunction(source.name, "The handler of listen", handler);
	if (given?.onError !== undefined) checkFunction(source.name, "onError", given.onError);
	const signal = checkSignal(source.name, given?.signal);
	return new Listener(source, handler as Handler, given?.onError as OnError | undefined, signal);
}

type Handler = (message: unknown) => unknown;
type OnError = (error: unknown, message: unknown) => void;

/** What a handler has thrown, if there is no `onError`. */
class Failed {
	readonly error: unknown;

	constructor(error: unknown) {
		this.error = error;
	}
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
	value !== null && typeof value === "object" && "then" in value && typeof value.then === "function";

class Listener implements Listening {
	readonly ended: Promise<void>;
	readonly #source: Source<unknown>;
	readonly #handler: Handler;
	readonly #onError: OnError | undefined;
	readonly #stop = new AbortController();
	/** The handling of the message that was taken last. */
	#handling: Promise<void> | undefined;
	#failed: Failed | undefined;

	constructor(
		source: Source<unknown>,
		handler: Handler,
		onError: OnError | undefined,
		signal: AbortSignal | undefined,
	) {
		this.#source = source;
		this.#handler = handler;
		this.#onError = onError;
		if (signal && isAborted(signal)) this.stop();
		this.ended = this.#run(signal && listenTo(signal, () => this.stop()));
	}

	async #run(unlisten: (() => void) | undefined): Promise<void> {
		try {
			// The caller gets this object before its handler is called.
			await undefined;
			let isOpen = true;
			while (isOpen && !this.#stop.signal.aborted) isOpen = await this.#next();
			await this.#handling;
			if (this.#failed) throw this.#failed.error;
		} finally {
			unlisten?.();
		}
	}

	/** Handles a message. Returns false if the receiver is closed. */
	async #next(): Promise<boolean> {
		try {
			const isOpen = await this.#source.next((message) => this.#handle(message), this.#stop.signal);
			await this.#handling;
			return isOpen;
		} catch (error) {
			if (this.#stop.signal.aborted) return true;
			if (!isInvalidMessage(error) || !this.#onError) throw error;
			this.#onError(error, undefined);
			return true;
		}
	}

	#handle(message: unknown): void {
		this.#handling = undefined;
		try {
			const result = this.#handler(message);
			if (isThenable(result)) this.#handling = this.#settled(result, message);
		} catch (error) {
			this.#report(error, message);
		}
	}

	async #settled(result: PromiseLike<unknown>, message: unknown): Promise<void> {
		try {
			await result;
		} catch (error) {
			this.#report(error, message);
		}
	}

	#report(error: unknown, message: unknown): void {
		let failure = error;
		try {
			// A lease: its message is put back, unless the lease has ended.
			if (message !== null && typeof message === "object" && Symbol.dispose in message)
				(message as Disposable)[Symbol.dispose]();
			if (this.#onError) {
				this.#onError(error, message);
				return;
			}
		} catch (thrown) {
			failure = thrown;
		}
		this.#failed ??= new Failed(failure);
		this.stop();
	}

	stop(): void {
		this.#stop.abort();
	}

	[Symbol.dispose](): void {
		this.stop();
	}

	[Symbol.asyncDispose](): Promise<void> {
		this.stop();
		return this.ended;
	}
}
