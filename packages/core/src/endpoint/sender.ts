import {
	abi,
	type EngineSender,
	IpcError,
	limits,
	READ_POINT_WORDS,
	STAMP_BYTES,
	Status,
	WaitBits,
} from "@libipc/protocol";
import { checkCount } from "../check/argument.ts";
import { bytesOf, plainLength } from "../check/bytes.ts";
import { checkTimeout } from "../check/call_options.ts";
import { closedError, failure } from "../check/failure.ts";
import { checkIterable, notAMessage } from "../check/message.ts";
import type { EventLoop } from "../wait/event_loop.ts";
import { WaitQueue } from "../wait/wait_queue.ts";
import { giveUp, type OpenLoan, RingLoan, SenderLoan } from "./loan.ts";
import { MessageEncoder } from "./message_encoder.ts";
import { Peers, type PeerWatch } from "./peers.ts";
import type {
	AsyncWaitOptions,
	Flushed,
	IterationOptions,
	Loan,
	Message,
	PeerEvent,
	Refusal,
	Sender,
	Sending,
	WaitOptions,
} from "./types.ts";
import { viewOf } from "./view.ts";

const encoder = new TextEncoder();

/** A string of at least so many UTF-16 units is encoded directly into the ring. For a shorter one, the view costs more than a copy. */
const ENCODE_IN_PLACE = 4096;

/** An engine's sender with the number of handles that use it: more than one only on a route. */
export interface SharedSender {
	readonly engine: EngineSender;
	readonly loop: EventLoop;
	handles: number;
	/** The waits to send, of all handles. */
	readonly sending: WaitQueue;
	/** A batch is being collected: its iterable may run any code, which must not send in between. */
	batching: boolean;
	/** How many flushes of all handles are waiting. */
	flushes: number;
}

/** Words of `ipc_read_point`. */
const RECEIVERS = abi.readPoint.receivers / 4;
const READ = abi.readPoint.read / 4;
const LEFT = abi.readPoint.left / 4;

function flushed(point: Uint32Array, done: boolean): Flushed {
	const read = point[READ] as number;
	const left = point[LEFT] as number;
	return { done, read, left, unread: (point[RECEIVERS] as number) - read - left };
}

/** `IPC_MAX_MESSAGE`. */
const LARGEST = 0x7fffffff;

/** What stands for an empty message: an empty view has no address for an FFI. */
const NOTHING = new Uint8Array(1);

const notEmpty = (view: Uint8Array): Uint8Array => (view.byteLength === 0 ? NOTHING : view);

/** Why a call with this timeout did not send; undefined: it sent, or its status is an error. */
function refusalOf(status: number, timeout: number): Refusal | undefined {
	if (status === Status.timedOut) return timeout === 0 ? "full" : "timed-out";
	if (status === Status.noReceivers) return "no-receivers";
	return status === Status.dropped ? "dropped" : undefined;
}

/** The {@link Sender} of every engine. */
export class SenderEndpoint implements Sender {
	readonly name: string;
	readonly #endpoint: string;
	readonly #reopen: (shared: SharedSender) => Sender;
	readonly #shared: SharedSender;
	readonly #engine: EngineSender;
	readonly #encoder = new MessageEncoder();
	readonly #loans = new Set<OpenLoan>();
	readonly #peers: Peers;
	/** The waits for receivers to read; made on first use. */
	#flushing: WaitQueue | undefined;
	readonly #accepted = new Uint32Array(1);
	#refusal: Refusal | undefined;
	#closed = false;
	/** A batch of this handle is being collected; `#shared.batching`: of any handle. */
	#batching = false;

	constructor(name: string, endpoint: string, shared: SharedSender, reopen: (shared: SharedSender) => Sender) {
		this.name = name;
		this.#endpoint = endpoint;
		this.#shared = shared;
		this.#engine = shared.engine;
		this.#reopen = reopen;
		this.#peers = new Peers(name, shared.engine, shared.loop);
		shared.handles++;
	}

	get closed(): boolean {
		return this.#closed;
	}

	get receiverCount(): number {
		this.#checkOpen();
		return this.#engine.receiverCount();
	}

	get observerCount(): number {
		this.#checkOpen();
		return this.#engine.observerCount();
	}

	get refusal(): Refusal | undefined {
		return this.#refusal;
	}

	get maxMessageLength(): number {
		return this.#engine.maxMessageLength;
	}

	send(message: Message, options?: WaitOptions): boolean {
		return this.#send(message, checkTimeout(this.name, options));
	}

	/** {@link send} with a timeout that was checked. */
	transmit(message: Message, timeout: number): boolean {
		return this.#send(message, timeout);
	}

	/** Throws if nothing can be sent now: before code of the caller runs for nothing. */
	checkSendable(): void {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
	}

	/** The largest message that can be written in the ring. */
	get maxLoanLength(): number {
		return this.#engine.maxLoanLength;
	}

	trySend(message: Message): boolean {
		return this.#send(message, 0);
	}

	#send(message: Message, timeout: number): boolean {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		let bytes: Uint8Array;
		let length: number;
		if (typeof message === "string") {
			if (message.length >= ENCODE_IN_PLACE) {
				const sent = this.#encodeInPlace(message, timeout);
				if (sent !== undefined) return sent;
			}
			length = this.#encode(message);
			bytes = this.#encoder.bytes;
		} else {
			length = plainLength(message);
			if (!(length > 0 && length <= this.#engine.maxRecordLength))
				return this.#sendView(this.#viewOf(message), timeout);
			bytes = message as Uint8Array;
		}
		return this.#settled(this.#engine.send(bytes, length, timeout), length, timeout);
	}

	/** Sends bytes that are not the common case: of another type or realm, empty, or in fragments. */
	#sendView(view: Uint8Array, timeout: number): boolean {
		const length = view.byteLength;
		return this.#settled(this.#engine.send(notEmpty(view), length, timeout), length, timeout);
	}

	/** A view of the bytes of a message. Its length is checked, because native code takes lengths of 32 bits. */
	#viewOf(message: Message): Uint8Array {
		const view = bytesOf(message);
		if (!view) throw notAMessage(this.name, message);
		if (view.byteLength > this.#engine.maxMessageLength) throw this.#failure(Status.messageTooLarge, view.byteLength);
		return view;
	}

	/** Sends a string without an intermediate copy. Returns undefined if it does not fit in the ring in one piece. */
	#encodeInPlace(message: string, timeout: number): boolean | undefined {
		const length = Buffer.byteLength(message);
		if (length > this.#engine.maxLoanLength) return undefined;
		const offset = this.#engine.loan(length, timeout);
		if (offset === Status.notInPlace) return undefined;
		if (!this.#settled(offset, length, timeout)) return false;
		encoder.encodeInto(message, viewOf(this.#engine.ring(), offset, length));
		this.#engine.endLoan(offset, length);
		return true;
	}

	/** Converts a string to bytes, which are then in the encoder. Returns their number. */
	#encode(message: string): number {
		const limit = this.#engine.maxMessageLength;
		// UTF-8 has at least as many bytes as UTF-16 has units: a string that cannot fit need not be encoded.
		if (message.length > limit) throw this.#failure(Status.messageTooLarge, Buffer.byteLength(message));
		const length = this.#encoder.encode(message);
		if (length > limit) throw this.#failure(Status.messageTooLarge, length);
		return length;
	}

	/** Returns whether a call that does not wait in the event loop has sent. Keeps the reason if not, for {@link refusal}. */
	#settled(status: number, length: number, timeout: number): boolean {
		if (status >= 0) {
			this.#refusal = undefined;
			return true;
		}
		this.#refusal = this.#whyNot(status, length, timeout);
		return false;
	}

	/** The reason of a status below zero. Throws if the status is an error. */
	#whyNot(status: number, length: number, timeout: number): Refusal {
		const refusal = refusalOf(status, timeout);
		if (refusal === undefined) throw this.#failure(status, length);
		return refusal;
	}

	#failure(status: number, length: number): IpcError {
		if (status !== Status.messageTooLarge) return failure(status, this.name, this.#endpoint);
		return new IpcError("ERR_IPC_MESSAGE_TOO_LARGE", this.name, `${this.#tooLarge(length)} Nothing was sent.`);
	}

	#tooLarge(length: number): string {
		const limit = this.#engine.maxMessageLength;
		const stamp = this.#engine.stamp === 0 ? 0 : STAMP_BYTES;
		if (this.#isQueue)
			return `A message of ${length} bytes does not fit ${this.#endpoint}: the limit of a queue is ${limit} bytes, half of its capacity of ${(limit + 16 + stamp) * 2} less ${16 + stamp}. Open it with a larger capacity, or split the message.`;
		if (limit < LARGEST - stamp)
			return `A message of ${length} bytes does not fit ${this.#endpoint}, which drops its oldest messages: the end of the message would overwrite its beginning. The limit is ${limit} bytes, about seven eighths of its capacity. Open it with a larger capacity, or split the message.`;
		return `A message of ${length} bytes is more than a message can have (${limit} bytes). Split it.`;
	}

	/** Only a queue sends no message in fragments. */
	get #isQueue(): boolean {
		return this.#engine.maxMessageLength === this.#engine.maxRecordLength;
	}

	sendBatch(messages: Iterable<Message>, options?: WaitOptions): number {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		checkIterable(this.name, messages);
		const timeout = checkTimeout(this.name, options);
		const deadline = timeout > 0 ? performance.now() + timeout : 0;
		const left = () => (timeout > 0 ? Math.max(0, Math.ceil(deadline - performance.now())) : timeout);
		let staged = 0;
		let sent = 0;
		/** Returns whether all staged messages were sent. */
		const flush = (): boolean => {
			const status = this.#engine.flush(left(), this.#accepted);
			const accepted = this.#accepted[0] as number;
			sent += accepted;
			staged = 0;
			this.#refusal = refusalOf(status, timeout);
			// An error after some messages were sent: the next call reports it.
			if (status < 0 && this.#refusal === undefined && accepted === 0) throw this.#failure(status, 0);
			return status === 0;
		};
		this.#refusal = undefined;
		this.#shared.batching = this.#batching = true;
		// If the iterator throws, or a message is invalid, the messages before it are sent all the same.
		try {
			for (const message of messages) {
				this.#checkOpen();
				let bytes = message as Uint8Array;
				let length = typeof message === "string" ? 0 : plainLength(message);
				if (!(length > 0 && length <= this.#engine.maxRecordLength)) {
					if (typeof message === "string") {
						length = this.#encode(message);
						bytes = this.#encoder.bytes;
					} else {
						const view = this.#viewOf(message);
						length = view.byteLength;
						bytes = notEmpty(view);
					}
					if (length > this.#engine.maxRecordLength) {
						// Too large to be staged: it is sent in fragments, after the staged messages.
						if (staged > 0 && !flush()) return sent;
						const status = this.#engine.send(bytes, length, left());
						if (!this.#settled(status, length, timeout)) return sent;
						sent++;
						continue;
					}
				}
				let status = this.#engine.stage(bytes, length);
				if (status === Status.timedOut) {
					if (!flush()) return sent;
					status = this.#engine.stage(bytes, length);
				}
				if (status < 0) throw this.#failure(status, length);
				staged++;
			}
		} finally {
			this.#shared.batching = this.#batching = false;
			try {
				if (staged > 0) flush();
			} finally {
				if (this.#closed) this.#leave();
			}
		}
		return sent;
	}

	sendAsync(message: Message, options?: AsyncWaitOptions): Sending {
		let length: number;
		let bytes: Uint8Array;
		try {
			if (this.#closed || this.#shared.batching) throw this.#unavailableError();
			if (typeof message === "string") {
				length = this.#encode(message);
				// The encoder reuses its memory for the next message.
				bytes = this.#encoder.bytes.slice(0, length || 1);
			} else {
				const view = this.#viewOf(message);
				length = view.byteLength;
				bytes = notEmpty(view);
			}
		} catch (error) {
			return Promise.reject(error);
		}
		const engine = this.#engine;
		const progress = engine.startPart?.() ?? new Uint32Array(1);
		let sending: (Promise<boolean> & { refusal?: Refusal }) | undefined;
		let refusal: Refusal | undefined;
		/** Each promise keeps its own reason: other calls may settle before the caller looks. */
		const refuse = (reason: Refusal): false => {
			refusal = reason; // the first attempt is made before there is a promise
			if (sending) sending.refusal = reason;
			return false;
		};
		const attempt = (): boolean | undefined => {
			// The buffer was transferred or shrunk during the wait: native code would read past its end.
			if (bytes.byteLength < length) {
				if (progress[0] !== 0) engine.abortPart();
				throw notAMessage(this.name, message);
			}
			const status = engine.sendPart(bytes, length, progress);
			if (status === 0) return true;
			return status === Status.timedOut ? undefined : refuse(this.#whyNot(status, length, 0));
		};
		sending = this.#shared.sending.wait(this.name, options, attempt, {
			timedOut: (timeout) => refuse(timeout === 0 ? "full" : "timed-out"),
			closed: () => {
				throw closedError(this.name, this.#endpoint, "sender");
			},
			givenUp: () => {
				if (progress[0] !== 0) engine.abortPart();
			},
		});
		if (refusal !== undefined) sending.refusal = refusal;
		return sending;
	}

	loan(byteLength: number, options?: WaitOptions): Loan | null {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		const engine = this.#engine;
		const limit = Math.max(engine.maxLoanLength, this.#isQueue ? 0 : engine.maxMessageLength);
		const length = checkCount(this.name, "byteLength", byteLength, 0, limit);
		return this.#lend(length, checkTimeout(this.name, options), true);
	}

	/** A loan for a message that is sent by this call of the program, with arguments that were checked. */
	lend(length: number, timeout: number): Loan | null {
		if (this.#closed || this.#shared.batching) throw this.#unavailableError();
		return this.#lend(length, timeout, false);
	}

	#lend(length: number, timeout: number, isOfProgram: boolean): Loan | null {
		const engine = this.#engine;
		const offset = length > engine.maxLoanLength ? Status.notInPlace : engine.loan(length, timeout);
		if (offset === Status.notInPlace) return this.#lendOutsideRing(length, timeout);
		if (!this.#settled(offset, length, timeout)) return null;
		const bytes = viewOf(engine.ring(), offset, length);
		return new SenderLoan(this.name, new RingLoan(engine, offset, length, this.#loans, isOfProgram), bytes);
	}

	/** A loan that is not in the ring: it is written to separate memory, and copied when it is sent. */
	#lendOutsideRing(length: number, timeout: number): Loan {
		const { buffer } = new Uint8Array(length);
		const loan: OpenLoan = {
			among: this.#loans,
			view: () => undefined,
			end: (used) => used >= 0 && this.#send(new Uint8Array(buffer, 0, used), timeout),
		};
		return new SenderLoan(this.name, loan, new Uint8Array(buffer));
	}

	async flush(options?: AsyncWaitOptions): Promise<Flushed> {
		const shared = this.#shared;
		const { engine } = shared;
		this.#checkOpen();
		const point = new Uint32Array(READ_POINT_WORDS);
		const status = engine.readPoint(point);
		if (status < 0) throw this.#failure(status, 0);
		const attempt = (): Flushed | undefined => {
			const status = engine.pollRead(point);
			if (status === 0) return flushed(point, true);
			if (status === Status.timedOut) return undefined;
			throw this.#failure(status, 0);
		};
		this.#flushing ??= new WaitQueue(shared.loop, engine, WaitBits.read);
		shared.flushes++;
		try {
			return await this.#flushing.wait<Flushed>(this.name, options, attempt, {
				timedOut: () => flushed(point, false),
				closed: () => {
					throw closedError(this.name, this.#endpoint, "sender");
				},
			});
		} finally {
			if (--shared.flushes === 0) engine.endReadWaits();
		}
	}

	waitForReceivers(count: number, options?: WaitOptions): boolean {
		this.#checkOpen();
		const wanted = checkCount(this.name, "count", count, 0, limits.maxReceivers);
		const status = this.#engine.waitForReceivers(wanted, checkTimeout(this.name, options));
		if (status === Status.invalidArgument)
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				this.name,
				`${this.#endpoint} cannot have ${wanted} receivers: its creator allowed fewer. Create it with a larger maxReceivers.`,
			);
		if (status === 0 || status === Status.timedOut) return status === 0;
		throw this.#failure(status, 0);
	}

	receiversReady(count: number, options?: AsyncWaitOptions): Promise<boolean> {
		const attempt = (): true | undefined => (this.waitForReceivers(count, { timeout: 0 }) ? true : undefined);
		return this.#peers.queue.wait<boolean>(this.name, options, attempt, {
			timedOut: () => false,
			closed: () => {
				throw closedError(this.name, this.#endpoint, "sender");
			},
		});
	}

	peers(options?: IterationOptions): AsyncIterableIterator<PeerEvent> {
		this.#checkOpen();
		return this.#peers.events(options);
	}

	/** The peers, for a caller that looks from time to time instead of waiting. */
	watchPeers(): PeerWatch {
		this.#checkOpen();
		return this.#peers.watch();
	}

	/** Calls `handler` for each event of {@link peers}. */
	reportPeers(handler: (event: PeerEvent) => void): void {
		this.#peers.report(handler);
	}

	clone(): Sender {
		this.#checkOpen();
		return this.#reopen(this.#shared);
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		for (const loan of this.#loans) giveUp(loan);
		this.#peers.close();
		this.#flushing?.close();
		// During a batch, sendBatch sends the collected messages first and leaves then.
		if (!this.#batching) this.#leave();
	}

	#leave(): void {
		const { engine, loop, sending } = this.#shared;
		if (--this.#shared.handles > 0) return;
		sending.close();
		loop.release(engine);
		engine.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.close();
	}

	#unavailableError(): IpcError {
		if (this.#closed) return closedError(this.name, this.#endpoint, "sender");
		return new IpcError(
			"ERR_IPC_REENTRANT",
			this.name,
			`The iterable of a batch on ${this.#endpoint} tried to send on the sender that is sending the batch. Yield the message instead.`,
		);
	}

	#checkOpen(): void {
		if (this.#closed) throw closedError(this.name, this.#endpoint, "sender");
	}
}
