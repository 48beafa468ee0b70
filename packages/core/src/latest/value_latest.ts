import { invalid } from "../check/argument.ts";
import { checkTimeout } from "../check/call_options.ts";
import type { IterationOptions, WaitOptions } from "../endpoint/endpoint_types.ts";
import type { AnyCodec } from "../value/check_codec.ts";
import type { CodecInto } from "../value/codec.ts";
import type { Decoding } from "../value/decoding.ts";
import { type Sent as Encoded, Encoding } from "../value/encoding.ts";
import type { NamedLatest } from "./latest.ts";
import type { Latest, LatestWaitAsyncOptions, LatestWaitOptions, ValueLatest } from "./latest_types.ts";

/** The {@link ValueLatest} of every engine. */
export class ValueLatestHandle<Value, Sent> implements ValueLatest<Value, Sent> {
	readonly #bytes: NamedLatest;
	readonly #encoding: Encoding;
	readonly #decode: (bytes: Uint8Array) => Value;

	/** `codec`: the one that encodes. */
	constructor(bytes: NamedLatest, decoding: Decoding, codec: AnyCodec) {
		this.#bytes = bytes;
		this.#encoding = new Encoding(bytes.name, codec, {
			room: `${bytes.description} has room for`,
			outcome: "The value has not changed.",
		});
		this.#decode = (value) => decoding.fromBytes(value) as Value;
	}

	get name(): string {
		return this.#bytes.name;
	}

	get closed(): boolean {
		return this.#bytes.closed;
	}

	get bytes(): Latest {
		return this.#bytes;
	}

	get maxLength(): number {
		return this.#bytes.maxLength;
	}

	get version(): number {
		return this.#bytes.version;
	}

	get seen(): number {
		return this.#bytes.seen;
	}

	set(value: Sent, options?: WaitOptions): boolean {
		const timeout = checkTimeout(this.name, options);
		if (this.#bytes.closed) this.#bytes.get(); // throws
		return this.#bytes.put(this.#encoded(value), timeout);
	}

	update(change: (value: Value | undefined) => Sent | undefined, options?: WaitOptions): boolean {
		return this.#bytes.updateBy<Sent>(
			() => change(this.get()),
			(value) => this.#bytes.putUpdated(this.#encoded(value)),
			change,
			options,
		);
	}

	#encoded(value: Sent): Uint8Array | string {
		if (value === undefined)
			throw invalid(
				this.name,
				`undefined cannot be a value of ${this.#bytes.description}: readers get it if the value was never set. Set null. The value has not changed.`,
			);
		const { encode, into } = this.#encoding.codec;
		if (!encode) return this.#written(into as CodecInto<Encoded>, value as Encoded);
		const bytes = encode(value as Encoded);
		this.#encoding.check(bytes);
		return bytes;
	}

	/** What a codec writes itself. */
	#written(into: CodecInto<Encoded>, value: Encoded): Uint8Array {
		const target = new Uint8Array(this.#encoding.sizeOf(into, value, this.maxLength));
		return target.subarray(0, this.#encoding.write(into, value, target));
	}

	get(): Value | undefined {
		return this.#bytes.read(this.#decode)?.();
	}

	wait(options?: LatestWaitOptions): Value | undefined {
		return this.#bytes.waitFor(this.#decode, options);
	}

	waitAsync(options?: LatestWaitAsyncOptions): Promise<Value | undefined> {
		return this.#bytes.waitForAsync(this.#decode, options, undefined);
	}

	changed(options?: IterationOptions): AsyncIterableIterator<Value> {
		return this.#bytes.changesOf(this.#decode, options);
	}

	[Symbol.asyncIterator](): AsyncIterator<Value> {
		return this.changed();
	}

	ref(): this {
		this.#bytes.ref();
		return this;
	}

	unref(): this {
		this.#bytes.unref();
		return this;
	}

	close(): void {
		this.#bytes.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}
}
