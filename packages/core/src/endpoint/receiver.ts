import { type EngineReceiver, IpcError, Status, WaitBits } from "@libipc/protocol";
import { byteLengthOf, plainLength, uint8ArrayOf } from "../check/bytes.ts";
import { checkDrainOptions, checkIteration, checkTimeout, timeoutOf } from "../check/call_options.ts";
import { closedError, failure } from "../check/failure.ts";
import { checkHandled, checkHandler } from "../check/handler.ts";
import { notATarget } from "../check/message.ts";
import type { Latency, Stamp } from "../stamp/stamp_types.ts";
import { StampedReceiver } from "../stamp/stamped_receiver.ts";
import type { Decoding, Utf8Buffer } from "../value/decoding.ts";
import type { EventLoop } from "../wait/event_loop.ts";
import { WaitIterator } from "../wait/wait_iterator.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { Peers } from "./peers.ts";
import type {
	AsyncWaitOptions,
	Batch,
	DrainOptions,
	IterationOptions,
	PeerEvent,
	Receiver,
	WaitOptions,
} from "./types.ts";
import { viewOf } from "./view.ts";

const SCRATCH_BYTES = 4096;
/** What has become of the messages whose handler returned a promise. */
const RECEIVED = "The message counts as received.";
const ALL_RECEIVED = "The messages of the batch count as received.";
/** The most memory that a receiver keeps for the next large message. */
const LARGEST_TARGET = 16 << 20;

/** The rest of a timeout. */
function left(timeout: number, deadline: number): number {
	return timeout > 0 ? Math.max(0, Math.ceil(deadline - performance.now())) : timeout;
}

/** The {@link Receiver} of every engine. */
export class ReceiverEndpoint implements Receiver {
	readonly name: string;
	readonly #endpoint: string;
	readonly #engine: EngineReceiver;
	/** The same engine, if the messages have stamps. */
	readonly #stamps: StampedReceiver | undefined;
	readonly #loop: EventLoop;
	readonly #reopen: () => Receiver;
	/** The waits for messages. */
	readonly #receiving: WaitQueue;
	readonly #peers: Peers;
	/** The target for small messages before `recv` knows their size. */
	#scratch = new Uint8Array(SCRATCH_BYTES);
	/** The same memory, for messages that are read as text. */
	#text: Utf8Buffer | undefined;
	/** The offsets and lengths that `drain` gets from the engine. Allocated at the first call. */
	#spans = new Uint32Array(0);
	/** The target of drain for messages that cannot be read in the ring. It grows with them. */
	#target: Uint8Array<ArrayBuffer> = new Uint8Array(SCRATCH_BYTES);
	/** The offsets that {@link drainBatch} passes to its handler. */
	#offsets = new Uint32Array(0);
	#lengths = new Uint32Array(0);
	#closed = false;
	#draining = false;
	/** `#closed || #draining`: one check for both on the hot path. */
	#unavailable = false;

	constructor(name: string, endpoint: string, engine: EngineReceiver, loop: EventLoop, reopen: () => Receiver) {
		this.name = name;
		this.#loop = loop;
		this.#receiving = new WaitQueue(loop, engine, WaitBits.data);
		this.#peers = new Peers(name, engine, loop);
		this.#endpoint = endpoint;
		this.#engine = engine;
		this.#stamps = engine instanceof StampedReceiver ? engine : undefined;
		this.#reopen = reopen;
	}

	get closed(): boolean {
		return this.#closed;
	}

	get lost(): number {
		return this.#engine.lost();
	}

	get skipped(): number {
		return this.#engine.skipped();
	}

	get lastStamp(): Stamp | undefined {
		return this.#stamps?.last;
	}

	get latency(): Latency | undefined {
		return this.#stamps?.latency;
	}

	recv(options?: WaitOptions): Uint8Array<ArrayBuffer> | null {
		return this.#recv(checkTimeout(this.name, options));
	}

	tryRecv(): Uint8Array<ArrayBuffer> | null {
		return this.#recv(0);
	}

	#recv(timeout: number): Uint8Array<ArrayBuffer> | null {
		if (this.#unavailable) throw this.#unavailableError();
		let length = this.#engine.recv(this.#scratch, timeout);
		if (length >= 0) return this.#scratch.slice(0, length);
		// Of a queue another receiver may take the large message first, and the next one be larger still.
		while (length === Status.bufferTooSmall) {
			const kept = this.#engine.takeAssembled();
			if (kept) return kept;
			const next = this.#engine.nextLength();
			const message = new Uint8Array(Math.max(next, 1));
			length = this.#engine.recv(message, timeout);
			if (length >= 0) return length === message.byteLength ? message : message.slice(0, length);
		}
		if (length === Status.timedOut) return null;
		throw failure(length, this.name, this.#endpoint);
	}

	recvLatest(options?: WaitOptions): Uint8Array<ArrayBuffer> | null {
		return this.#recvLatest(checkTimeout(this.name, options));
	}

	#recvLatest(timeout: number): Uint8Array<ArrayBuffer> | null {
		if (this.#unavailable) throw this.#unavailableError();
		let target = this.#scratch;
		for (;;) {
			const length = this.#engine.recvLatest(target, timeout);
			if (length >= 0)
				return target !== this.#scratch && length === target.byteLength ? target : target.slice(0, length);
			if (length === Status.timedOut) return null;
			if (length !== Status.bufferTooSmall) throw this.#latestError(length);
			// It was the newest a moment ago. The next attempt may find a newer one, of another size.
			const kept = this.#engine.takeAssembled();
			if (kept) return kept;
			target = new Uint8Array(Math.max(this.#engine.nextLength(), target.byteLength + 1));
		}
	}

	#latestError(status: number): IpcError {
		if (status !== Status.invalidArgument) return failure(status, this.name, this.#endpoint);
		return new IpcError(
			"ERR_IPC_INVALID_ARGUMENT",
			this.name,
			`recvLatest is not for a queue: each message of ${this.#endpoint} has to be worked on. Use recv or take, or a Channel for messages that may be passed over.`,
		);
	}

	recvLatestAsync(options?: AsyncWaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
		return this.wait(() => this.#recvLatest(0) ?? undefined, options, null);
	}

	/**
	 * Receives a message as a value; `undefined`: the time was up. If the message is invalid, this throws, and the message counts as
	 * received. The decoder is code of the caller: while it runs, this receiver cannot be used.
	 */
	receive(decoding: Decoding, timeout: number): unknown {
		if (this.#unavailable) throw this.#unavailableError();
		const length = this.#engine.recv(this.#scratch, timeout);
		if (length === Status.bufferTooSmall) return this.receiveLarge(decoding, timeout);
		if (length === Status.timedOut) return undefined;
		if (length < 0) throw failure(length, this.name, this.#endpoint);
		this.#draining = this.#unavailable = true;
		try {
			return decoding.isText
				? decoding.fromText(this.#text ?? this.#asText(), length)
				: decoding.fromBytes(viewOf(this.#scratch, 0, length));
		} finally {
			this.#draining = this.#unavailable = false;
			// The decoder is code of the caller: it may have closed the receiver, or transferred the memory.
			if (this.#closed || this.#scratch.byteLength === 0) this.#mend();
		}
	}

	/** The same of the newest message. */
	receiveLatest(decoding: Decoding, timeout: number): unknown {
		const bytes = this.#recvLatest(timeout);
		return bytes === null ? undefined : this.#decode(decoding, bytes, 0);
	}

	#asText(): Utf8Buffer {
		const { buffer, byteOffset, byteLength } = this.#scratch;
		const text = Buffer.from(buffer, byteOffset, byteLength) as Buffer & Utf8Buffer;
		this.#text = text;
		return text;
	}

	/** After a decoder that has closed the receiver, or transferred its memory. */
	#mend(): void {
		if (this.#scratch.byteLength === 0) this.#scratch = new Uint8Array(SCRATCH_BYTES);
		this.#text = undefined;
		if (!this.#closed) return;
		this.#unavailable = true;
		this.#leave();
	}

	/** Receives a message that is larger than the scratch: in the ring, if it lies there in one piece. */
	protected receiveLarge(decoding: Decoding, timeout: number): unknown {
		const spans = this.#spansFor(1);
		this.#keepTarget();
		const count = this.#engine.peek(spans, 1, this.#target, 0);
		if (count > 0)
			return this.#decode(decoding, viewOf(this.#engine.ring(), spans[0] as number, spans[1] as number), 1);
		let bytes: Uint8Array | null;
		if (count === Status.notInPlace) bytes = this.#recvOutOfPlace(spans[0] as number, timeout);
		else if (count === Status.timedOut)
			bytes = this.#recv(timeout); // a sender has overwritten it meanwhile
		else throw failure(count, this.name, this.#endpoint);
		return bytes === null ? undefined : this.#decode(decoding, bytes, 0);
	}

	/** The value of a copy, for kinds whose messages are not peeked at. */
	protected receiveCopy(decoding: Decoding, timeout: number): unknown {
		const bytes = this.#recv(timeout);
		return bytes === null ? undefined : this.#decode(decoding, bytes, 0);
	}

	/** `received`: how many messages in the ring count as received afterwards. */
	#decode(decoding: Decoding, bytes: Uint8Array, received: number): unknown {
		let value: unknown;
		this.#hand(() => {
			value = decoding.fromBytes(bytes);
		}, received);
		return value;
	}

	/** A wait for a message as a value; `undefined`: the time was up. */
	receiveAsync<Value>(
		take: () => Value | undefined,
		options: AsyncWaitOptions | undefined,
	): Promise<Value | undefined> {
		return this.wait(take, options, undefined);
	}

	/** The results of `take`, as messages arrive. */
	eachOf<Value>(
		take: () => Value | undefined,
		options: IterationOptions | undefined,
	): AsyncIterableIterator<Value, undefined> {
		return this.iterate(take, options);
	}

	recvAsync(options?: AsyncWaitOptions): Promise<Uint8Array<ArrayBuffer> | null> {
		return this.wait(() => this.#recv(0) ?? undefined, options, null);
	}

	messages(options?: IterationOptions): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
		return this.iterate(() => this.#recv(0) ?? undefined, options);
	}

	/** While `yes`, the asynchronous waits for messages are not tried. When that ends, the first of them is. */
	protected pauseWaits(yes: boolean): void {
		if (yes === this.#receiving.isPaused) return;
		this.#receiving.isPaused = yes;
		// Not now: this may run inside a handler.
		if (!yes) queueMicrotask(() => this.tryWaits());
	}

	/** Tries what the asynchronous waits for messages are for. */
	protected tryWaits(): void {
		if (!this.#closed) this.#receiving.serve();
	}

	/** The results of `take`, as they arrive. */
	protected iterate<Value>(take: () => Value | undefined, options: IterationOptions | undefined): WaitIterator<Value> {
		if (this.#closed) throw this.#unavailableError();
		return new WaitIterator(this.name, this.#receiving, take, checkIteration(this.name, options));
	}

	/** A wait until `take` has a result; `nothing`: what it gives if the time is up. */
	protected wait<Value, Nothing>(
		take: () => Value | undefined,
		options: AsyncWaitOptions | undefined,
		nothing: Nothing,
	): Promise<Value | Nothing> {
		// Checked here, because the first attempt may be later if the event loop is busy.
		if (this.#unavailable) return Promise.reject(this.#unavailableError());
		return this.#receiving.wait<Value | Nothing>(this.name, options, take, {
			timedOut: () => nothing,
			closed: () => {
				throw this.#unavailableError();
			},
		});
	}

	[Symbol.asyncIterator](): AsyncIterator<Uint8Array<ArrayBuffer>> {
		return this.messages();
	}

	peers(options?: IterationOptions): AsyncIterableIterator<PeerEvent> {
		if (this.#closed) throw this.#unavailableError();
		return this.#peers.events(options);
	}

	/** Calls `handler` for each event of {@link peers}. */
	reportPeers(handler: (event: PeerEvent) => void): void {
		this.#peers.report(handler);
	}

	ref(): this {
		this.#receiving.keepsAlive = true;
		return this;
	}

	unref(): this {
		this.#receiving.keepsAlive = false;
		return this;
	}

	recvInto(target: Uint8Array, options?: WaitOptions): number {
		if (this.#unavailable) throw this.#unavailableError();
		// A getter of the options may change the target: it is looked at afterwards.
		const timeout = checkTimeout(this.name, options);
		const capacity = plainLength(target);
		if (!(capacity > 0)) return this.#recvIntoUnusual(target, timeout);
		const length = this.#engine.recvInto(target, capacity, timeout);
		return length >= 0 ? length : this.#recvIntoRefused(length, capacity);
	}

	#recvIntoUnusual(target: unknown, timeout: number): number {
		const view = uint8ArrayOf(target);
		if (!view) throw notATarget(this.name, target);
		// An empty view has no address for native code: another view is passed, with a capacity of 0.
		const length = view.byteLength > 0 ? this.#engine.recv(view, timeout) : this.#recvIntoNothing(timeout);
		return length >= 0 ? length : this.#recvIntoRefused(length, view.byteLength);
	}

	#recvIntoNothing(timeout: number): number {
		// A view with an address, of which nothing is used.
		return this.#engine.recv(this.#scratch, timeout, 0);
	}

	#recvIntoRefused(status: number, capacity: number): number {
		if (status === Status.timedOut) return -1;
		if (status === Status.bufferTooSmall)
			throw new IpcError(
				"ERR_IPC_BUFFER_TOO_SMALL",
				this.name,
				`The next message of ${this.#endpoint} has ${this.#engine.nextLength()} bytes, the target ${capacity}. The message stays: call again with a larger target, or use recv().`,
			);
		throw failure(status, this.name, this.#endpoint);
	}

	drain(given: (view: Uint8Array) => void, options?: DrainOptions): number {
		const max = this.#beginDrain("drain", given, options);
		const handler = this.#stamps ? this.#stamps.handing(given) : given;
		let timeout = timeoutOf(this.name, options);
		const deadline = timeout > 0 ? performance.now() + timeout : 0;
		let handled = 0;
		do {
			const spans = this.#spansFor(max - handled);
			this.#keepTarget();
			const count = this.#engine.peek(spans, max - handled, this.#target, timeout);
			if (count === Status.timedOut) break;
			if (count === Status.notInPlace) {
				const message = this.#recvOutOfPlace(spans[0] as number, left(timeout, deadline));
				timeout = 0;
				if (!message) break;
				handled++;
				this.#hand(() => checkHandled(this.name, "drain", handler(message), RECEIVED), 0);
				continue;
			}
			if (count < 0) throw failure(count, this.name, this.#endpoint);
			timeout = 0;
			// As in view.ts, but the buffer is read once for all views.
			const { buffer, byteOffset } = this.#engine.ring();
			let read = 0;
			let isInHandler = false;
			this.#draining = this.#unavailable = true;
			try {
				while (read < count && !this.#closed) {
					const view = new Uint8Array(buffer, byteOffset + (spans[2 * read] as number), spans[2 * read + 1] as number);
					read++;
					isInHandler = true;
					const result: unknown = handler(view);
					if (result !== undefined) checkHandled(this.name, "drain", result, RECEIVED);
					isInHandler = false;
				}
			} catch (error) {
				// Otherwise a handler has transferred the buffer, so that it has no more views. The ring is mapped again.
				if (isInHandler || read === 0) throw error;
			} finally {
				this.#endHandler(read);
			}
			handled += read;
		} while (handled < max && !this.#closed);
		return handled;
	}

	drainBatch(given: (batch: Batch) => void, options?: DrainOptions): number {
		const max = this.#beginDrain("drainBatch", given, options);
		const handler = this.#stamps ? this.#stamps.handingBatch(given) : given;
		const spans = this.#spansFor(max);
		this.#keepTarget();
		const timeout = timeoutOf(this.name, options);
		const deadline = timeout > 0 ? performance.now() + timeout : 0;
		const count = this.#engine.peek(spans, max, this.#target, timeout);
		if (count === Status.timedOut) return 0;
		if (count === Status.notInPlace) {
			const bytes = this.#recvOutOfPlace(spans[0] as number, left(timeout, deadline));
			if (!bytes) return 0;
			const lengths = Uint32Array.of(bytes.byteLength);
			const batch = { count: 1, bytes, offsets: Uint32Array.of(0), lengths };
			this.#hand(() => checkHandled(this.name, "drainBatch", handler(batch), RECEIVED), 0);
			return 1;
		}
		if (count < 0) throw failure(count, this.name, this.#endpoint);
		const ring = this.#engine.ring();
		// The engine's own view is not handed out: its properties could be overridden.
		const bytes = viewOf(ring, 0, ring.byteLength);
		// They were handed out before: their buffers may have been transferred.
		if (Math.min(byteLengthOf(this.#offsets), byteLengthOf(this.#lengths)) < 4 * count) {
			this.#offsets = new Uint32Array(max);
			this.#lengths = new Uint32Array(max);
		}
		const offsets = this.#offsets;
		const lengths = this.#lengths;
		for (let i = 0; i < count; i++) {
			offsets[i] = spans[2 * i] as number;
			lengths[i] = spans[2 * i + 1] as number;
		}
		const batch = { count, bytes, offsets, lengths };
		this.#hand(() => checkHandled(this.name, "drainBatch", handler(batch), ALL_RECEIVED), count);
		return count;
	}

	/** A message that cannot be read in the ring. peek has received it into the target, unless the target is too small. */
	#recvOutOfPlace(byteLength: number, timeout: number): Uint8Array<ArrayBuffer> | null {
		if (byteLength <= this.#target.byteLength) return this.#target.subarray(0, byteLength);
		// Memory for so large a message is not kept.
		if (byteLength > LARGEST_TARGET) return this.#recv(timeout);
		this.#target = new Uint8Array(byteLength);
		// A sender may have overwritten it meanwhile: then the wait continues, and the next message may be larger.
		const length = this.#engine.recv(this.#target, timeout);
		if (length < 0) return this.#recv(0);
		return this.#target.subarray(0, length);
	}

	/** Calls a handler; `count` messages in the ring count as received, also if it throws. */
	#hand(handler: () => void, count: number): void {
		this.#draining = this.#unavailable = true;
		try {
			handler();
		} finally {
			this.#endHandler(count);
		}
	}

	#endHandler(received: number): void {
		this.#draining = false;
		this.#unavailable = this.#closed;
		if (this.#closed) this.#leave();
		else if (received > 0) this.#engine.consume(received);
	}

	/** Checks the arguments of both forms of drain. Returns the largest number of messages. */
	#beginDrain(what: string, handler: unknown, options: DrainOptions | undefined): number {
		if (this.#unavailable) throw this.#unavailableError();
		checkHandler(this.name, what, handler);
		return checkDrainOptions(this.name, what, options);
	}

	/** A handler may have transferred the target, of which it got a view. */
	#keepTarget(): void {
		if (this.#target.byteLength === 0) this.#target = new Uint8Array(SCRATCH_BYTES);
	}

	#spansFor(max: number): Uint32Array {
		if (this.#spans.length < 2 * max) this.#spans = new Uint32Array(2 * max);
		return this.#spans;
	}

	clone(): Receiver {
		if (this.#closed) throw this.#unavailableError();
		return this.#reopen();
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = this.#unavailable = true;
		this.#receiving.close();
		this.#peers.close();
		// During a drain handler a view is in use: drain closes the receiver when the handler returns.
		if (!this.#draining) this.#leave();
	}

	#leave(): void {
		this.#loop.release(this.#engine);
		this.#engine.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}

	/** Throws unless the receiver can be used now. */
	protected checkAvailable(): void {
		if (this.#unavailable) throw this.#unavailableError();
	}

	/** Runs a handler, during which the receiver cannot be used. */
	protected during(handler: () => void): void {
		this.#hand(handler, 0);
	}

	#unavailableError(): IpcError {
		if (this.#closed) return closedError(this.name, this.#endpoint, "receiver");
		return new IpcError(
			"ERR_IPC_REENTRANT",
			this.name,
			`A drain handler or a codec of ${this.#endpoint} tried to receive from the receiver that is calling it. Let it return first.`,
		);
	}
}
