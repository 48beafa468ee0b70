import type { Loan } from "./endpoint.ts";
import type { EngineSender } from "./engine.ts";
import { IpcError } from "./error.ts";

/** What is known of a loan that has not ended; shared with whoever gives it up if the {@link RingLoan} is forgotten. */
export interface OpenLoan {
	readonly engine: EngineSender;
	readonly offset: number;
	/** The open loans of the sender: this one leaves the set when it ends. */
	readonly among: Set<OpenLoan>;
}

/** Ends a loan, once: sends `length` bytes of it, or gives it up with -1. False: it had ended before. */
export function endLoan(loan: OpenLoan, length: number): boolean {
	if (!loan.among.delete(loan)) return false;
	loan.engine.endLoan(loan.offset, length);
	return true;
}

const forgotten = new FinalizationRegistry<OpenLoan>((loan) => endLoan(loan, -1));

/** The {@link Loan} of every engine. */
export class RingLoan implements Loan {
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly #loan: OpenLoan;
	readonly #name: string;

	constructor(name: string, loan: OpenLoan, bytes: Uint8Array<ArrayBuffer>) {
		this.#name = name;
		this.#loan = loan;
		this.bytes = bytes;
		forgotten.register(this, loan, loan);
	}

	send(byteLength: number = this.bytes.byteLength): void {
		if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength > this.bytes.byteLength)
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				this.#name,
				`A loan of ${this.bytes.byteLength} bytes can send 0 to as many of them, not ${String(byteLength)}. It is still open.`,
			);
		if (!endLoan(this.#loan, byteLength))
			throw new IpcError(
				"ERR_IPC_LOAN_ENDED",
				this.#name,
				"This loan was sent or discarded before, or its sender was closed. Take a new one for each message.",
			);
		forgotten.unregister(this.#loan);
	}

	[Symbol.dispose](): void {
		endLoan(this.#loan, -1);
		forgotten.unregister(this.#loan);
	}
}
