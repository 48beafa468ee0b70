import { type EngineSender, type EngineWaker, PEER_WORDS, type PresentSender, Status } from "@libipc/protocol";
import { closeAtExit } from "../close_at_exit.ts";
import { type OpenOrClosed, returnClosed } from "./closed.ts";
import type { Address } from "./declarations.ts";
import { NativeFailure } from "./failure.ts";
import { mapSenderRing, type NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

/** `ipc_failure.found` of a route that has a sender. */
const OF_THIS_THREAD = 2;

/** What a sender calls after its native object was closed. */
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
} as const;

type SenderSymbols = OpenOrClosed<typeof closedSymbols>;

/** A sender of the C library. */
export class NativeSender implements EngineSender {
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
