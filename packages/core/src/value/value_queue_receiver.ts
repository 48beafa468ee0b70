import { IpcError } from "@libipc/protocol";
import { checkDrainOptions, timeoutOf } from "../check/call_options.ts";
import { ADVICE_FOR_VALUES, checkHandler } from "../check/handler.ts";
import type { QueueReceiverEndpoint, ReceiverLease } from "../endpoint/queue_receiver.ts";
import type {
	AsyncWaitOptions,
	DrainOptions,
	IterationOptions,
	Lease,
	QueueReceiver,
	WaitOptions,
} from "../endpoint/types.ts";
import type { Decoding } from "./decoding.ts";
import { Invalid, type OnInvalid, ValueReceiverEndpoint } from "./value_receiver.ts";
import type { ValueLease, ValueQueueReceiver } from "./value_types.ts";

/** The {@link ValueQueueReceiver} of every engine. */
export class ValueQueueReceiverEndpoint<Value>
	extends ValueReceiverEndpoint<Value>
	implements ValueQueueReceiver<Value>
{
	readonly #bytes: QueueReceiverEndpoint;
	readonly #decoding: Decoding;
	readonly #onInvalid: OnInvalid | undefined;

	constructor(bytes: QueueReceiverEndpoint, decoding: Decoding, onInvalid: OnInvalid | undefined) {
		super(bytes, decoding, onInvalid);
		this.#bytes = bytes;
		this.#decoding = decoding;
		this.#onInvalid = onInvalid;
	}

	override get bytes(): QueueReceiver {
		return this.#bytes;
	}

	take(options?: WaitOptions): ValueLease<Value> | null {
		return this.#withValue(this.#bytes.take(options));
	}

	tryTake(): ValueLease<Value> | null {
		return this.#withValue(this.#bytes.tryTake());
	}

	async takeAsync(options?: AsyncWaitOptions): Promise<ValueLease<Value> | null> {
		return this.#withValue(await this.#bytes.takeAsync(options));
	}

	leases(options?: IterationOptions): AsyncIterableIterator<ValueLease<Value>> {
		return new Leases<Value>(this.#bytes.leases(options), this.name, this.#decoding);
	}

	/**
	 * One message at a time: if the handler throws, its message is put back. An invalid message is not: it would be the next one again.
	 */
	override drain(handler: (value: Value) => void, options?: DrainOptions): number {
		checkHandler(this.name, "drain", handler, ADVICE_FOR_VALUES);
		const max = checkDrainOptions(this.name, "drain", options);
		let timeout = timeoutOf(this.name, options);
		let read = 0;
		do {
			const invalid: Invalid[] = [];
			const handleOne = (view: Uint8Array): void => {
				const value = this.decode(view);
				if (value instanceof Invalid) invalid.push(value);
				else this.handle(handler, value, "The message was put back.");
			};
			if (this.#bytes.drain(handleOne, { max: 1, timeout: timeout < 0 ? undefined : timeout }) === 0) break;
			timeout = 0;
			read++;
			for (const each of invalid) this.report(each);
		} while (read < max && !this.closed);
		return read;
	}

	#withValue(lease: Lease | null): ValueLease<Value> | null {
		return lease && new DecodedLease<Value>(this.name, lease as ReceiverLease, this.#decoding);
	}

	override clone(): ValueQueueReceiver<Value> {
		const decoding = this.#decoding.renew();
		const bytes = this.#bytes.clone() as QueueReceiverEndpoint;
		return new ValueQueueReceiverEndpoint<Value>(bytes, decoding, this.#onInvalid);
	}
}

class DecodedLease<Value> implements ValueLease<Value> {
	readonly #name: string;
	readonly #lease: ReceiverLease;
	readonly #decoding: Decoding;
	#value: Value | undefined;

	constructor(name: string, lease: ReceiverLease, decoding: Decoding) {
		this.#name = name;
		this.#lease = lease;
		this.#decoding = decoding;
	}

	get bytes(): Uint8Array {
		return this.#lease.bytes;
	}

	get attempt(): number {
		return this.#lease.attempt;
	}

	get stamp(): Lease["stamp"] {
		return this.#lease.stamp;
	}

	get value(): Value {
		if (this.#value !== undefined) return this.#value;
		if (!this.#lease.isOpen)
			throw new IpcError(
				"ERR_IPC_LEASE_ENDED",
				this.#name,
				"This lease has ended, so its message is gone. Read its value before.",
			);
		this.#value = this.#decoding.fromBytes(this.#lease.bytes) as Value;
		return this.#value;
	}

	done(...options: Parameters<Lease["done"]>): void {
		this.#lease.done(...options);
	}

	retry(...options: Parameters<Lease["retry"]>): void {
		this.#lease.retry(...options);
	}

	get origin(): Lease["origin"] {
		return this.#lease.origin;
	}

	reject(...options: Parameters<Lease["reject"]>): void {
		this.#lease.reject(...options);
	}

	redrive(): boolean {
		return this.#lease.redrive();
	}

	[Symbol.dispose](): void {
		this.#lease[Symbol.dispose]();
	}
}

class Leases<Value> implements AsyncIterableIterator<ValueLease<Value>> {
	readonly #leases: AsyncIterableIterator<Lease>;
	readonly #name: string;
	readonly #decoding: Decoding;

	constructor(leases: AsyncIterableIterator<Lease>, name: string, decoding: Decoding) {
		this.#leases = leases;
		this.#name = name;
		this.#decoding = decoding;
	}

	async next(): Promise<IteratorResult<ValueLease<Value>, undefined>> {
		const { value, done } = await this.#leases.next();
		if (done) return { value: undefined, done };
		return { value: new DecodedLease<Value>(this.#name, value as ReceiverLease, this.#decoding), done: false };
	}

	async return(): Promise<IteratorResult<ValueLease<Value>, undefined>> {
		await this.#leases.return?.();
		return { value: undefined, done: true };
	}

	[Symbol.asyncIterator](): this {
		return this;
	}
}
