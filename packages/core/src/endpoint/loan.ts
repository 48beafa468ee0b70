import type { EngineSender } from "@libipc/protocol";
import { IpcError } from "@libipc/protocol";
import type { Loan } from "./types.ts";

/** The state of a loan that has not ended. It is separate, so that the space is given back if the {@link SenderLoan} is collected. */
export interface OpenLoan {
	/** The open loans of the sender: this one leaves the set when it ends. */
	readonly among: Set<OpenLoan>;
	/** Sends the first `length` bytes, or gives the space back if `length` is -1. Returns whether it was sent. */
	end(length: number): boolean;
}

/** A loan in the ring, at an offset in it. */
export function lendInRing(engine: EngineSender, offset: number, among: Set<OpenLoan>): OpenLoan {
	return {
		among,
		end(length) {
			engine.endLoan(offset, length);
			return length >= 0;
		},
	};
}

/** Ends a loan once. Returns undefined if it had ended before. */
function endOnce(loan: OpenLoan, length: number): boolean | undefined {
	return loan.among.delete(loan) ? loan.end(length) : undefined;
}

/** Gives the space of a loan back, unless it has ended. */
export function giveUp(loan: OpenLoan): void {
	endOnce(loan, -1);
}

const forgotten = new FinalizationRegistry<OpenLoan>(giveUp);

/** The {@link Loan} of every engine. */
export class SenderLoan implements Loan {
	readonly bytes: Uint8Array;
	readonly #loan: OpenLoan;
	readonly #name: string;

	constructor(name: string, loan: OpenLoan, bytes: Uint8Array) {
		this.#name = name;
		this.#loan = loan;
		this.bytes = bytes;
		loan.among.add(loan);
		forgotten.register(this, loan, loan);
	}

	send(byteLength: number = this.bytes.byteLength): boolean {
		if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength > this.bytes.byteLength)
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				this.#name,
				`A loan of ${this.bytes.byteLength} bytes can send 0 to as many of them, not ${String(byteLength)}. It is still open.`,
			);
		const sent = endOnce(this.#loan, byteLength);
		if (sent === undefined)
			throw new IpcError(
				"ERR_IPC_LOAN_ENDED",
				this.#name,
				"This loan was sent or discarded before, or its sender was closed. Take a new one for each message.",
			);
		forgotten.unregister(this.#loan);
		return sent;
	}

	[Symbol.dispose](): void {
		giveUp(this.#loan);
		forgotten.unregister(this.#loan);
	}
}
