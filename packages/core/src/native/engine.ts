import {
	abi,
	type Engine,
	type EngineReceiver,
	type EngineSender,
	type EngineWaker,
	Kind,
	type LetterOrigin,
	PEER_WORDS,
	type PresentSender,
	Status,
} from "@libipc/protocol";
import { openFailure } from "../check/open_failure.ts";
import { closeAtExit } from "../close_at_exit.ts";
import type { Address, Symbols } from "./declarations.ts";
import { NativeFailure } from "./failure.ts";
import { openNativeHandles } from "./handles.ts";
import { mapReceiverRing, mapSenderRing, type NativeLibrary } from "./library.ts";
import { openNativeLists } from "./list.ts";
import { openNativeReceiver, openNativeSender, openNativeSuccessor } from "./open.ts";
import { LONGEST_CALL_MS, terminated, yieldToTermination } from "./options.ts";
import { storageDirectory } from "./storage.ts";

/** `ipc_failure.found` of a route that has a sender. */
const OF_THIS_THREAD = 2;

const LONGEST_TARGET = 0x7fffffff;

const NO_REASON = new Uint8Array(1);

const decoder = new TextDecoder();

/**
 * Builds the engine that uses the C library. A runtime provides the two parts that differ between runtimes: the library, loaded
 * by its FFI at the first use, and wakers that its event loop polls.
 *
 * @internal
 */
export function createNativeEngine(library: () => NativeLibrary, openWaker: Engine["openWaker"]): Engine {
	return {
		openSender(...name) {
			const loaded = library();
			return new NativeSender(loaded, openNativeSender(loaded, ...name));
		},

		openSuccessor(...name) {
			const loaded = library();
			return new NativeSender(loaded, openNativeSuccessor(loaded, "route", ...name));
		},

		openReceiver(...name) {
			const loaded = library();
			return new NativeReceiver(loaded, openNativeReceiver(loaded, ...name));
		},

		clear(kind, prefix, name) {
			const failure = new NativeFailure();
			const { ipc_clear } = library().symbols;
			const status = ipc_clear(terminated(prefix), terminated(name), Kind[kind], failure.bytes);
			if (status < 0) throw openFailure(failure, kind, prefix, name, "clear");
		},

		...openNativeHandles(library),
		...openNativeLists(library),
		info: () => ({ name: "native", reason: "", directory: storageDirectory(library()) }),
		now: () => library().symbols.ipc_now_ns(),
		openWaker,
	};
}

const returnClosed = (): number => Status.closed;

/**
 * What an endpoint calls after its native object was closed. Every path to a closed object (an exit handler, a getter of an options
 * object that closes the endpoint) gets `closed`, and no call on the hot path has to check for it.
 */
const closedSymbols = {
	ipc_sender_send: returnClosed,
	ipc_sender_send_with_progress_timeout: returnClosed,
	ipc_sender_send_part: returnClosed,
	ipc_sender_abort_part: returnClosed,
	ipc_sender_take_over: returnClosed,
	ipc_sender_arm: returnClosed,
	ipc_sender_poll: () => 0,
	ipc_sender_armed: () => 0,
	ipc_sender_peers: () => 0,
	ipc_sender_stage: returnClosed,
	ipc_sender_flush: returnClosed,
	ipc_sender_loan: returnClosed,
	ipc_sender_end_loan: returnClosed,
	ipc_sender_receiver_count: () => 0,
	ipc_sender_observer_count: () => 0,
	ipc_sender_wait_for_receivers: returnClosed,
	ipc_sender_read_point: returnClosed,
	ipc_sender_wait_until_read: returnClosed,
	ipc_sender_end_read_waits: returnClosed,
	ipc_receiver_recv: returnClosed,
	ipc_receiver_recv_latest: returnClosed,
	ipc_receiver_next_length: returnClosed,
	ipc_receiver_peek: returnClosed,
	ipc_receiver_consume: returnClosed,
	ipc_receiver_take_assembled: () => null,
	ipc_receiver_lost: () => 0,
	ipc_receiver_skipped: () => 0,
	ipc_receiver_take: returnClosed,
	ipc_receiver_done: returnClosed,
	ipc_receiver_retry_after: returnClosed,
	ipc_receiver_reject: returnClosed,
	ipc_receiver_origin: () => 0,
	ipc_receiver_redrive: returnClosed,
	ipc_receiver_next_due: () => -1,
	ipc_receiver_arm: returnClosed,
	ipc_receiver_poll: () => 0,
	ipc_receiver_armed: () => 0,
	ipc_receiver_peers: () => 0,
} as const;

/** The functions whose names begin with `Start`, open or closed. */
type SymbolsOf<Start extends string> = {
	readonly [Name in Extract<keyof typeof closedSymbols, `${Start}${string}`>]: (
		...args: Parameters<Symbols[Name]>
	) => ReturnType<Symbols[Name]> | ReturnType<(typeof closedSymbols)[Name]>;
};
type SenderSymbols = SymbolsOf<"ipc_sender_">;
type ReceiverSymbols = SymbolsOf<"ipc_receiver_">;

class NativeSender implements EngineSender {
	readonly maxMessageLength: number;
	readonly maxRecordLength: number;
	readonly maxLoanLength: number;
	readonly stamp: number;
	#symbols: SenderSymbols;
	readonly #handle: Address;
	readonly #close: () => void;
	readonly #offset = new Uint32Array(1);
	readonly #mapRing: () => Uint8Array;
	#ring: Uint8Array | undefined;

	constructor(library: NativeLibrary, handle: Address) {
		const { symbols } = library;
		this.#symbols = symbols;
		this.#handle = handle;
		this.maxMessageLength = symbols.ipc_sender_max_message(handle);
		this.maxRecordLength = symbols.ipc_sender_max_record(handle);
		this.maxLoanLength = symbols.ipc_sender_max_loan(handle);
		this.stamp = symbols.ipc_sender_stamp(handle);
		this.#mapRing = () => mapSenderRing(library, handle);
		this.#close = closeAtExit(this, () => symbols.ipc_sender_close(handle));
	}

	send(bytes: Uint8Array, length: number, timeout: number): number {
		if (timeout >= 0) return this.#symbols.ipc_sender_send(this.#handle, bytes, length, timeout);
		let status: number;
		do status = this.#symbols.ipc_sender_send_with_progress_timeout(this.#handle, bytes, length, LONGEST_CALL_MS);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	sendPart(bytes: Uint8Array, length: number, progress: Uint32Array): number {
		return this.#symbols.ipc_sender_send_part(this.#handle, bytes, length, progress);
	}

	abortPart(): void {
		this.#symbols.ipc_sender_abort_part(this.#handle);
	}

	arm(wait: number, waker: EngineWaker): void {
		this.#symbols.ipc_sender_arm(this.#handle, wait, waker.low, waker.high);
	}

	poll(wait: number, waker: EngineWaker): boolean {
		return this.#symbols.ipc_sender_poll(this.#handle, wait, waker.low, waker.high) !== 0;
	}

	armed(): number {
		return this.#symbols.ipc_sender_armed(this.#handle);
	}

	peers(records: Uint32Array): number {
		return this.#symbols.ipc_sender_peers(this.#handle, records, records.length / PEER_WORDS);
	}

	stage(bytes: Uint8Array, length: number): number {
		return this.#symbols.ipc_sender_stage(this.#handle, bytes, length);
	}

	flush(timeout: number, accepted: Uint32Array): number {
		accepted[0] = 0;
		return this.#symbols.ipc_sender_flush(this.#handle, timeout, accepted);
	}

	loan(length: number, timeout: number): number {
		let status: number;
		do {
			const part = timeout >= 0 ? timeout : LONGEST_CALL_MS;
			status = this.#symbols.ipc_sender_loan(this.#handle, length, part, this.#offset);
		} while (status === Status.timedOut && timeout < 0 && yieldToTermination());
		return status === 0 ? (this.#offset[0] as number) : status;
	}

	endLoan(offset: number, length: number): number {
		return this.#symbols.ipc_sender_end_loan(this.#handle, offset, length);
	}

	ring(): Uint8Array {
		// The user may have transferred the buffer, which leaves this view empty. The ring is then mapped again.
		if (!this.#ring?.byteLength) this.#ring = this.#mapRing();
		return this.#ring;
	}

	takeOver(timeout: number): number | PresentSender {
		const failure = new NativeFailure();
		let status: number;
		do {
			const part = timeout >= 0 ? timeout : LONGEST_CALL_MS;
			status = this.#symbols.ipc_sender_take_over(this.#handle, part, failure.bytes);
			// A sender of this thread cannot leave during the call, so that C does not wait for it.
		} while (status === Status.hasSender && timeout < 0 && failure.found !== OF_THIS_THREAD && yieldToTermination());
		return status === Status.hasSender ? { pid: failure.pid, isHere: failure.found !== 0 } : status;
	}

	receiverCount(): number {
		return this.#symbols.ipc_sender_receiver_count(this.#handle);
	}

	observerCount(): number {
		return this.#symbols.ipc_sender_observer_count(this.#handle);
	}

	waitForReceivers(count: number, timeout: number): number {
		let status: number;
		do {
			const part = timeout >= 0 ? timeout : LONGEST_CALL_MS;
			status = this.#symbols.ipc_sender_wait_for_receivers(this.#handle, count, part);
		} while (status === Status.timedOut && timeout < 0 && yieldToTermination());
		return status;
	}

	readPoint(point: Uint32Array): number {
		return this.#symbols.ipc_sender_read_point(this.#handle, point);
	}

	pollRead(point: Uint32Array): number {
		return this.#symbols.ipc_sender_wait_until_read(this.#handle, point, 0);
	}

	endReadWaits(): void {
		this.#symbols.ipc_sender_end_read_waits(this.#handle);
	}

	close(): void {
		this.#symbols = closedSymbols;
		this.#ring = undefined;
		this.#close();
	}
}

class NativeReceiver implements EngineReceiver {
	readonly isStamped: boolean;
	#symbols: ReceiverSymbols;
	readonly #library: NativeLibrary;
	readonly #length = new Uint32Array(1);
	readonly #handle: Address;
	readonly #close: () => void;
	readonly #mapRing: () => Uint8Array;
	#ring: Uint8Array | undefined;

	constructor(library: NativeLibrary, handle: Address) {
		const { symbols } = library;
		this.#symbols = symbols;
		this.#library = library;
		this.#handle = handle;
		this.isStamped = symbols.ipc_receiver_stamped(handle) !== 0;
		this.#mapRing = () => mapReceiverRing(library, handle);
		this.#close = closeAtExit(this, () => symbols.ipc_receiver_close(handle));
	}

	recv(target: Uint8Array, timeout: number, most = target.byteLength): number {
		const capacity = Math.min(most, LONGEST_TARGET);
		if (timeout >= 0) return this.#symbols.ipc_receiver_recv(this.#handle, target, capacity, timeout);
		let length: number;
		do length = this.#symbols.ipc_receiver_recv(this.#handle, target, capacity, LONGEST_CALL_MS);
		while (length === Status.timedOut && yieldToTermination());
		return length;
	}

	recvInto(target: Uint8Array, capacity: number, timeout: number): number {
		return this.recv(target, timeout, capacity);
	}

	recvLatest(target: Uint8Array, timeout: number): number {
		const capacity = Math.min(target.byteLength, LONGEST_TARGET);
		let length: number;
		do {
			const part = timeout >= 0 ? timeout : LONGEST_CALL_MS;
			length = this.#symbols.ipc_receiver_recv_latest(this.#handle, target, capacity, part);
		} while (length === Status.timedOut && timeout < 0 && yieldToTermination());
		return length;
	}

	nextLength(): number {
		return this.#symbols.ipc_receiver_next_length(this.#handle);
	}

	peek(spans: Uint32Array, max: number, target: Uint8Array, timeout: number): number {
		let count: number;
		do {
			const part = timeout >= 0 ? timeout : LONGEST_CALL_MS;
			count = this.#symbols.ipc_receiver_peek(this.#handle, spans, max, target, target.byteLength, part);
		} while (count === Status.timedOut && timeout < 0 && yieldToTermination());
		return count;
	}

	takeAssembled(): Uint8Array<ArrayBuffer> | null {
		const address = this.#library.address(this.#symbols.ipc_receiver_take_assembled(this.#handle, this.#length));
		return address === null ? null : this.#library.adoptMessage(address, this.#length[0] as number);
	}

	take(lease: Uint32Array, timeout: number): number {
		let status: number;
		do {
			const part = timeout >= 0 ? timeout : LONGEST_CALL_MS;
			status = this.#symbols.ipc_receiver_take(this.#handle, part, lease);
		} while (status === Status.timedOut && timeout < 0 && yieldToTermination());
		return status;
	}

	done(offset: number): number {
		return this.#symbols.ipc_receiver_done(this.#handle, offset);
	}

	retry(offset: number, delay: number): number {
		return this.#symbols.ipc_receiver_retry_after(this.#handle, offset, delay);
	}

	reject(offset: number, reason: Uint8Array): number {
		// An empty view has no address for native code.
		const bytes = reason.byteLength > 0 ? reason : NO_REASON;
		return this.#symbols.ipc_receiver_reject(this.#handle, offset, bytes, reason.byteLength);
	}

	origin(offset: number): LetterOrigin | undefined {
		const bytes = new Uint8Array(abi.LETTER_ORIGIN_BYTES);
		if (this.#symbols.ipc_receiver_origin(this.#handle, offset, bytes) !== 1) return undefined;
		const text = (at: number): string => decoder.decode(bytes.subarray(at, bytes.indexOf(0, at)));
		const attempts = new DataView(bytes.buffer).getUint32(abi.letterOrigin.attempts, true);
		return { queue: text(abi.letterOrigin.queue), attempts, reason: text(abi.letterOrigin.reason) };
	}

	redrive(offset: number): number {
		return this.#symbols.ipc_receiver_redrive(this.#handle, offset);
	}

	nextDue(): number {
		return this.#symbols.ipc_receiver_next_due(this.#handle);
	}

	lost(): number {
		return this.#symbols.ipc_receiver_lost(this.#handle);
	}

	skipped(): number {
		return this.#symbols.ipc_receiver_skipped(this.#handle);
	}

	arm(wait: number, waker: EngineWaker): void {
		this.#symbols.ipc_receiver_arm(this.#handle, wait, waker.low, waker.high);
	}

	poll(wait: number, waker: EngineWaker): boolean {
		return this.#symbols.ipc_receiver_poll(this.#handle, wait, waker.low, waker.high) !== 0;
	}

	armed(): number {
		return this.#symbols.ipc_receiver_armed(this.#handle);
	}

	peers(records: Uint32Array): number {
		return this.#symbols.ipc_receiver_peers(this.#handle, records, records.length / PEER_WORDS);
	}

	consume(count: number): number {
		return this.#symbols.ipc_receiver_consume(this.#handle, count);
	}

	ring(): Uint8Array {
		// The user may have transferred the buffer, which leaves this view empty. The ring is then mapped again.
		if (!this.#ring?.byteLength) this.#ring = this.#mapRing();
		return this.#ring;
	}

	close(): void {
		const lost = this.lost();
		const skipped = this.skipped();
		this.#symbols = { ...closedSymbols, ipc_receiver_lost: () => lost, ipc_receiver_skipped: () => skipped };
		this.#ring = undefined;
		this.#close();
	}
}
