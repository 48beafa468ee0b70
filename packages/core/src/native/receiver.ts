import { abi, type EngineReceiver, type EngineWaker, type LetterOrigin, PEER_WORDS, Status } from "@libipc/protocol";
import { closeAtExit } from "../close_at_exit.ts";
import { type OpenOrClosed, returnClosed } from "./closed.ts";
import type { Address } from "./declarations.ts";
import { mapReceiverRing, type NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

const LONGEST_TARGET = 0x7fffffff;

const NO_REASON = new Uint8Array(1);

const decoder = new TextDecoder();

/** What a receiver calls after its native object was closed. */
const closedSymbols = {
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

type ReceiverSymbols = OpenOrClosed<typeof closedSymbols>;

/** A receiver of the C library. */
export class NativeReceiver implements EngineReceiver {
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
