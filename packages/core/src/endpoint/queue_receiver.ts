import { type EngineReceiver, IpcError, Status } from "@libipc/protocol";
import { checkDrainOptions, checkTimeout, timeoutOf } from "../check/argument.ts";
import { failure } from "../check/failure.ts";
import { checkHandled, checkHandler } from "../check/handler.ts";
import type { Decoding } from "../value/decoding.ts";
import type { EventLoop } from "../wait/event_loop.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import type {
	AsyncWaitOptions,
	Batch,
	DrainOptions,
	IterationOptions,
	Lease,
	QueueReceiver,
	WaitOptions,
} from "./types.ts";
import { viewOf } from "./view.ts";

/** The {@link QueueReceiver} of every engine. */
export class QueueReceiverEndpoint extends ReceiverEndpoint implements QueueReceiver {
	readonly #endpoint: string;
	readonly #engine: EngineReceiver;
	readonly #reopenQueue: () => QueueReceiver;
	readonly #taken = new Uint32Array(3);
	readonly #leases = new Set<OpenLease>();
	/** The lease of the running handler. If the handler closes the receiver, it still decides whether its message is removed. */
	#handled: OpenLease | undefined;

	constructor(name: string, endpoint: string, engine: EngineReceiver, loop: EventLoop, reopen: () => QueueReceiver) {
		super(name, endpoint, engine, loop, reopen);
		this.#endpoint = endpoint;
		this.#engine = engine;
		this.#reopenQueue = reopen;
	}

	take(options?: WaitOptions): Lease | null {
		return this.#take(checkTimeout(this.name, options));
	}

	tryTake(): Lease | null {
		return this.#take(0);
	}

	takeAsync(options?: AsyncWaitOptions): Promise<Lease | null> {
		return this.wait(() => this.#take(0) ?? undefined, options, null);
	}

	protected override receiveLarge(decoding: Decoding, timeout: number): unknown {
		return this.receiveCopy(decoding, timeout);
	}

	leases(options?: IterationOptions): AsyncIterableIterator<Lease> {
		return this.iterate(() => this.#take(0) ?? undefined, options);
	}

	#take(timeout: number): ReceiverLease | null {
		this.checkAvailable();
		const status = this.#engine.take(this.#taken, timeout);
		if (status === Status.timedOut) return null;
		if (status < 0) throw failure(status, this.name, this.#endpoint);
		const [offset, length, attempt] = this.#taken as unknown as [number, number, number];
		const lease: OpenLease = { engine: this.#engine, offset, among: this.#leases };
		return new ReceiverLease(this.name, lease, viewOf(this.#engine.ring(), offset, length), attempt);
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
		for (const lease of this.#leases) if (lease !== this.#handled) endLease(lease, false);
		super.close();
	}
}

/** The state of a lease that has not ended. It is separate, so that the message is put back if the {@link ReceiverLease} is collected. */
interface OpenLease {
	readonly engine: EngineReceiver;
	readonly offset: number;
	readonly among: Set<OpenLease>;
}

/** Ends a lease once. Returns false if it had ended before. */
function endLease(lease: OpenLease, done: boolean): boolean {
	if (!lease.among.delete(lease)) return false;
	if (done) lease.engine.done(lease.offset);
	else lease.engine.retry(lease.offset);
	return true;
}

const forgotten = new FinalizationRegistry<OpenLease>((lease) => endLease(lease, false));

/** The {@link Lease} of every engine. */
export class ReceiverLease implements Lease {
	readonly bytes: Uint8Array;
	readonly attempt: number;
	readonly #lease: OpenLease;
	readonly #name: string;

	constructor(name: string, lease: OpenLease, bytes: Uint8Array, attempt: number) {
		this.#name = name;
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

	done(): void {
		this.#end(true);
	}

	retry(): void {
		this.#end(false);
	}

	#end(done: boolean): void {
		if (!endLease(this.#lease, done))
			throw new IpcError(
				"ERR_IPC_LEASE_ENDED",
				this.#name,
				"This lease has ended: done, put back, or its receiver was closed, which puts it back. Another receiver may have it now.",
			);
		forgotten.unregister(this.#lease);
	}

	[Symbol.dispose](): void {
		endLease(this.#lease, false);
		forgotten.unregister(this.#lease);
	}
}
