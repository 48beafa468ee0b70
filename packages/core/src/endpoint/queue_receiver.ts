import { type EngineReceiver, IpcError, type LetterOrigin, Status } from "@libipc/protocol";
import { checkDelay, checkDrainOptions, checkTimeout, timeoutOf } from "../check/call_options.ts";
import { failure } from "../check/failure.ts";
import { checkHandled, checkHandler } from "../check/handler.ts";
import { checkReason } from "../check/message.ts";
import type { Stamp } from "../stamp/stamp_types.ts";
import { StampedReceiver } from "../stamp/stamped_receiver.ts";
import type { Decoding } from "../value/decoding.ts";
import type { EventLoop } from "../wait/event_loop.ts";
import type { WaitIterator } from "../wait/wait_iterator.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import type {
	AsyncWaitOptions,
	Batch,
	DrainOptions,
	IterationOptions,
	Lease,
	QueueReceiver,
	RetryOptions,
	WaitOptions,
} from "./types.ts";
import { viewOf } from "./view.ts";

/** The longest time after which waits are tried again while there are delayed messages. */
const LONGEST_WATCH_MS = 1000;

/** The {@link QueueReceiver} of every engine. */
export class QueueReceiverEndpoint extends ReceiverEndpoint implements QueueReceiver {
	readonly #endpoint: string;
	readonly #engine: EngineReceiver;
	readonly #reopenQueue: () => QueueReceiver;
	readonly #taken = new Uint32Array(3);
	readonly #leases = new Set<OpenLease>();
	/** The lease of the running handler. If the handler closes the receiver, it still decides whether its message is removed. */
	#handled: OpenLease | undefined;

	/** The most open leases. */
	readonly #prefetch: number;
	/** Tries again when the first delayed message may be taken: no signal comes then. */
	#dueTimer: ReturnType<typeof setTimeout> | undefined;

	constructor(
		name: string,
		endpoint: string,
		engine: EngineReceiver,
		loop: EventLoop,
		reopen: () => QueueReceiver,
		prefetch: number,
	) {
		super(name, endpoint, engine, loop, reopen);
		this.#endpoint = endpoint;
		this.#engine = engine;
		this.#reopenQueue = reopen;
		this.#prefetch = prefetch === 0 ? Infinity : prefetch;
	}

	take(options?: WaitOptions): Lease | null {
		const timeout = checkTimeout(this.name, options);
		if (timeout !== 0 && this.#leases.size >= this.#prefetch) throw this.#prefetchError();
		return this.#takeOne(timeout);
	}

	tryTake(): Lease | null {
		return this.#takeOne(0);
	}

	#prefetchError(): IpcError {
		return new IpcError(
			"ERR_IPC_DEADLOCK",
			this.name,
			`This receiver of ${this.#endpoint} has ${this.#leases.size} leases, as many as its prefetch allows. take would wait until one ends, and only this thread could end one. End one first, or use takeAsync or leases.`,
		);
	}

	/** A lease that counts for `prefetch`. */
	#takeOne(timeout: number): ReceiverLease | null {
		if (this.#leases.size < this.#prefetch) return this.#take(timeout);
		this.checkAvailable();
		return null;
	}

	protected override iterate<Value>(
		take: () => Value | undefined,
		options: IterationOptions | undefined,
	): WaitIterator<Value> {
		return super.iterate(() => this.#tried(take()), options);
	}

	protected override wait<Value, Nothing>(
		take: () => Value | undefined,
		options: AsyncWaitOptions | undefined,
		nothing: Nothing,
	): Promise<Value | Nothing> {
		return super.wait(() => this.#tried(take()), options, nothing);
	}

	/** What an asynchronous wait has tried to take. */
	#tried<Value>(taken: Value | undefined): Value | undefined {
		if (taken === undefined) this.#watchDue();
		return taken;
	}

	#watchDue(): void {
		const due = this.#engine.nextDue();
		if (due < 0) return;
		clearTimeout(this.#dueTimer);
		// Not longer: until it fires, the timer keeps a receiver that the program has forgotten.
		this.#dueTimer = setTimeout(() => this.tryWaits(), Math.min(due + 1, LONGEST_WATCH_MS));
		this.#dueTimer.unref();
	}

	/** A lease was taken, or has ended. */
	readonly #counted = (): void => this.pauseWaits(this.#leases.size >= this.#prefetch);

	takeAsync(options?: AsyncWaitOptions): Promise<Lease | null> {
		return this.wait(() => this.#takeOne(0) ?? undefined, options, null);
	}

	protected override receiveLarge(decoding: Decoding, timeout: number): unknown {
		return this.receiveCopy(decoding, timeout);
	}

	leases(options?: IterationOptions): AsyncIterableIterator<Lease> {
		return this.iterate(() => this.#takeOne(0) ?? undefined, options);
	}

	#take(timeout: number): ReceiverLease | null {
		this.checkAvailable();
		const status = this.#engine.take(this.#taken, timeout);
		if (status === Status.timedOut) return null;
		if (status < 0) throw failure(status, this.name, this.#endpoint);
		const taken = this.#taken;
		const offset = taken[0] as number;
		const counted = this.#prefetch === Infinity ? undefined : this.#counted;
		const open: OpenLease = { engine: this.#engine, offset, among: this.#leases, counted };
		const bytes = viewOf(this.#engine.ring(), offset, taken[1] as number);
		const lease = new ReceiverLease(this.name, this.#endpoint, open, bytes, taken[2] as number);
		counted?.();
		return lease;
	}

	override drain(handler: (view: Uint8Array) => void, options?: DrainOptions): number {
		this.checkAvailable();
		checkHandler(this.name, "drain", handler);
		const max = checkDrainOptions(this.name, "drain", options);
		return this.#drain("drain", handler, max, timeoutOf(this.name, options));
	}

	override drainBatch(handler: (batch: Batch) => void, options?: DrainOptions): number {
		this.checkAvailable();
		checkHandler(this.name, "drainBatch", handler);
		checkDrainOptions(this.name, "drainBatch", options);
		const lengths = new Uint32Array(1);
		const offsets = new Uint32Array(1);
		const handleOne = (bytes: Uint8Array): unknown => {
			lengths[0] = bytes.byteLength;
			return handler({ count: 1, bytes, offsets, lengths });
		};
		return this.#drain("drainBatch", handleOne, 1, timeoutOf(this.name, options));
	}

	#drain(call: string, handler: (view: Uint8Array) => unknown, max: number, timeout: number): number {
		let left = timeout;
		let handled = 0;
		do {
			const lease = this.#take(left);
			if (!lease) break;
			left = 0;
			this.during(() => {
				this.#handled = lease.open;
				try {
					checkHandled(this.name, call, handler(lease.bytes), "The message was put back.");
					lease.done();
				} finally {
					this.#handled = undefined;
					lease[Symbol.dispose]();
				}
			});
			handled++;
		} while (handled < max && !this.closed);
		return handled;
	}

	override clone(): QueueReceiver {
		this.checkAvailable();
		return this.#reopenQueue();
	}

	override close(): void {
		for (const lease of this.#leases) if (lease !== this.#handled) endLease(lease, "retry");
		clearTimeout(this.#dueTimer);
		super.close();
	}
}

/** The state of a lease that has not ended. It is separate, so that the message is put back if the {@link ReceiverLease} is collected. */
interface OpenLease {
	readonly engine: EngineReceiver;
	readonly offset: number;
	readonly among: Set<OpenLease>;
	/** Called when `among` has changed, if that matters. */
	readonly counted: (() => void) | undefined;
}

/** Ends a lease once: the message is done, or put back. Returns false if it had ended before. */
function endLease(lease: OpenLease, how: "done" | "retry", delay = 0): boolean {
	if (!lease.among.delete(lease)) return false;
	if (how === "done") lease.engine.done(lease.offset);
	else lease.engine.retry(lease.offset, delay);
	lease.counted?.();
	return true;
}

const forgotten = new FinalizationRegistry<OpenLease>((lease) => endLease(lease, "retry"));

/** The {@link Lease} of every engine. */
export class ReceiverLease implements Lease {
	readonly bytes: Uint8Array;
	readonly attempt: number;
	readonly #lease: OpenLease;
	readonly #name: string;
	readonly #endpoint: string;

	constructor(name: string, endpoint: string, lease: OpenLease, bytes: Uint8Array, attempt: number) {
		this.#name = name;
		this.#endpoint = endpoint;
		this.#lease = lease;
		this.bytes = bytes;
		this.attempt = attempt;
		lease.among.add(lease);
		forgotten.register(this, lease, lease);
	}

	get open(): OpenLease {
		return this.#lease;
	}

	/** Whether it has not ended: `bytes` is valid. */
	get isOpen(): boolean {
		return this.#lease.among.has(this.#lease);
	}

	get origin(): LetterOrigin | undefined {
		const { among, engine, offset } = this.#lease;
		return among.has(this.#lease) ? engine.origin(offset) : undefined;
	}

	get stamp(): Stamp | undefined {
		const { among, engine, offset } = this.#lease;
		return engine instanceof StampedReceiver && among.has(this.#lease) ? engine.stampOf(offset) : undefined;
	}

	done(): void {
		if (!endLease(this.#lease, "done")) throw this.#endedError();
		forgotten.unregister(this.#lease);
	}

	retry(options?: RetryOptions): void {
		const delay = checkDelay(this.#name, options);
		if (!endLease(this.#lease, "retry", delay)) throw this.#endedError();
		forgotten.unregister(this.#lease);
	}

	reject(reason?: string): void {
		const bytes = checkReason(this.#name, reason);
		const status = this.#openLease().engine.reject(this.#lease.offset, bytes);
		if (status === Status.notFound)
			throw new IpcError(
				"ERR_IPC_NOT_FOUND",
				this.#name,
				`${this.#endpoint} has no dead-letter queue. Open a receiver with the option deadLetter, for example { deadLetter: ${JSON.stringify(`${this.#name}.dead`)} }.`,
			);
		if (status !== 0) throw failure(status, this.#name, this.#endpoint);
		this.#ended();
	}

	redrive(): boolean {
		const { origin } = this;
		const { engine, offset } = this.#openLease();
		if (!origin)
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				this.#name,
				`This message of ${this.#endpoint} does not say which queue it comes from: it is no dead letter, or was too large to keep that.`,
			);
		const status = engine.redrive(offset);
		if (status === Status.timedOut || status === Status.dropped) return false;
		if (status === Status.notFound)
			throw new IpcError(
				"ERR_IPC_NOT_FOUND",
				this.#name,
				`The queue "${origin.queue}", where this message comes from, is not open anywhere. Open a receiver or a sender of it first, and keep it open: its messages are gone with its last endpoint.`,
			);
		if (status === Status.optionsMismatch)
			throw new IpcError(
				"ERR_IPC_OPTIONS_MISMATCH",
				this.#name,
				`The queue "${origin.queue}", where this message comes from, was created again with another stamp option than ${this.#endpoint}. Open both with the same one.`,
			);
		if (status !== 0) throw failure(status, origin.queue, `queue "${origin.queue}"`);
		this.#ended();
		return true;
	}

	/** The engine has ended the lease. */
	#ended(): void {
		this.#lease.among.delete(this.#lease);
		forgotten.unregister(this.#lease);
		this.#lease.counted?.();
	}

	#openLease(): OpenLease {
		if (!this.#lease.among.has(this.#lease)) throw this.#endedError();
		return this.#lease;
	}

	#endedError(): IpcError {
		return new IpcError(
			"ERR_IPC_LEASE_ENDED",
			this.#name,
			"This lease has ended: done, put back, moved to another queue, or its receiver was closed, which puts it back. Another receiver may have it now.",
		);
	}

	[Symbol.dispose](): void {
		endLease(this.#lease, "retry");
		forgotten.unregister(this.#lease);
	}
}
