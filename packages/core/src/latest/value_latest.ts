import { IpcError } from "@libipc/protocol";
import { checkTimeout, invalid, show } from "../check/argument.ts";
import { isUint8Array } from "../check/bytes.ts";
import type { IterationOptions, WaitOptions } from "../endpoint/endpoint_types.ts";
import type { AnyCodec } from "../value/check_codec.ts";
import type { Decoding } from "../value/decoding.ts";
import type { NamedLatest } from "./latest.ts";
import type { Latest, LatestWaitAsyncOptions, LatestWaitOptions, ValueLatest } from "./latest_types.ts";

/** The {@link ValueLatest} of every engine. */
export class ValueLatestHandle<Value, Sent> implements ValueLatest<Value, Sent> {
	readonly #bytes: NamedLatest;
	readonly #codec: AnyCodec;
	readonly #decode: (bytes: Uint8Array) => Value;

	/** `codec`: the one that encodes. */
	constructor(bytes: NamedLatest, decoding: Decoding, codec: AnyCodec) {
		this.#bytes = bytes;
		this.#codec = codec;
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
		const { encode, id } = this.#codec;
		if (!encode) return this.#written(value);
		const bytes = encode(value as never);
		if (typeof bytes === "string" || isUint8Array(bytes)) return bytes;
		throw invalid(
			this.name,
			`encode of the codec ${JSON.stringify(id)} must return a Uint8Array or a string, not ${show(bytes)}. The value has not changed.`,
		);
	}

	/** What a codec writes itself. */
	#written(value: Sent): Uint8Array {
		const { id, into } = this.#codec;
		if (!into) throw invalid(this.name, `The codec ${JSON.stringify(id)} has neither encode nor into.`);
		const most = into.size(value as never);
		if (!(Number.isInteger(most) && most >= 0))
			throw invalid(
				this.name,
				`into.size of the codec ${JSON.stringify(id)} must return a whole number of bytes, not ${show(most)}. The value has not changed.`,
			);
		if (most > this.maxLength)
			throw new IpcError(
				"ERR_IPC_MESSAGE_TOO_LARGE",
				this.name,
				`A value takes up to ${most} bytes, as the codec ${JSON.stringify(id)} says, and ${this.#bytes.description} has room for ${this.maxLength}. The value has not changed.`,
			);
		const target = new Uint8Array(most);
		const length = into.write(value as never, target);
		if (Number.isInteger(length) && length >= 0 && length <= most && target.byteLength === most)
			return target.subarray(0, length);
		throw invalid(
			this.name,
			`into.write of the codec ${JSON.stringify(id)} returned ${show(length)}, and into.size had said at most ${most} bytes. The value has not changed.`,
		);
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
