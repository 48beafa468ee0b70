import type { EngineSender } from "@libipc/protocol";
import { IpcError } from "@libipc/protocol";
import { invalid, show } from "../check/argument.ts";
import type { Loan } from "./types.ts";
import { viewOf } from "./view.ts";

/** The state of a loan that has not ended. It is separate, so that the space is given back if the {@link SenderLoan} is collected. */
export interface OpenLoan {
	/** The open loans of the sender: this one leaves the set when it ends. */
	readonly among: Set<OpenLoan>;
	/** A view of the space, not known to the caller. `undefined`: its memory was transferred, and there is no other way to it. */
	view(): Uint8Array | undefined;
	/** Sends the first `length` bytes, or gives the space back if `length` is -1. Returns whether it was sent. */
	end(length: number): boolean;
}

/** A loan of `byteLength` bytes in the ring, at an offset in it. */
export class RingLoan implements OpenLoan {
	readonly among: Set<OpenLoan>;
	readonly #engine: EngineSender;
	readonly #offset: number;
	readonly #byteLength: number;
	readonly #isOfProgram: boolean;

	/** `isOfProgram`: the program ends it when it likes, and its message is sent then, and not when the space was lent. */
	constructor(engine: EngineSender, offset: number, byteLength: number, among: Set<OpenLoan>, isOfProgram: boolean) {
		this.#isOfProgram = isOfProgram;
		this.#engine = engine;
		this.#offset = offset;
		this.#byteLength = byteLength;
		this.among = among;
	}

	/** The ring is mapped again if a view of it was transferred. */
	view(): Uint8Array {
		return viewOf(this.#engine.ring(), this.#offset, this.#byteLength);
	}

	end(length: number): boolean {
		if (this.#isOfProgram && length >= 0) this.#engine.stampLoan?.(this.#offset);
		this.#engine.endLoan(this.#offset, length);
		return length >= 0;
	}
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
	readonly #loan: OpenLoan;
	readonly #name: string;
	readonly #byteLength: number;
	#bytes: Uint8Array;

	constructor(name: string, loan: OpenLoan, bytes: Uint8Array) {
		this.#name = name;
		this.#loan = loan;
		this.#bytes = bytes;
		this.#byteLength = bytes.byteLength;
		loan.among.add(loan);
		forgotten.register(this, loan, loan);
	}

	get bytes(): Uint8Array {
		if (this.#isLost() && this.#loan.among.has(this.#loan)) this.#bytes = this.#loan.view() ?? this.#bytes;
		return this.#bytes;
	}

	/** Whether a buffer of the ring was transferred: all views of that buffer are empty then, also those of other loans. */
	#isLost(): boolean {
		return this.#byteLength > 0 && this.#bytes[0] === undefined;
	}

	send(byteLength: number = this.#byteLength): boolean {
		if (!Number.isInteger(byteLength) || byteLength < 0 || byteLength > this.#byteLength)
			throw invalid(
				this.#name,
				`A loan of ${this.#byteLength} bytes can send 0 to as many of them, not ${show(byteLength)}. It is still open.`,
			);
		// What was written to the empty view is missing, without an error. The caller has to decide.
		if (this.#isLost() && this.#loan.among.has(this.#loan))
			throw invalid(
				this.#name,
				"The memory of this loan was transferred with a buffer of the same sender, so what was written to its bytes since is lost. The loan is still open: read its property bytes again, complete them, and send it, or dispose of it.",
			);
		const sent = endOnce(this.#loan, byteLength + 0); // minus zero is no integer for Deno
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
