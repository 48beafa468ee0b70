import type { Availability } from "../alternative.ts";
import type { Quote } from "./quote.ts";

/**
 * One client of one server, which is another process or thread. From the question `START_CHANGES` on, the server sets the latest
 * value once a millisecond.
 */
export interface CallClient extends AsyncDisposable {
	/** Asks the server. A transport whose calls block answers without a promise. */
	quote(symbol: string, number: number): Promise<Quote> | Quote;
	/** The value that the server has set last. `undefined`: it has not set one. */
	latest(): Promise<Quote | undefined> | Quote | undefined;
	/** Rejects if the server ends too early, and with the reason of the signal if that aborts. It never resolves. */
	readonly failure: Promise<never>;
}

/** A way to ask another process or thread, and to read its latest value. */
export interface CallAlternative {
	readonly name: string;
	/** Starts a server and connects to it. @throws the reason of the signal, if it has aborted */
	connect(signal?: AbortSignal): Promise<CallClient>;
	/** Only for a transport that may be missing; `reason` is one line for the reader of the table. */
	available?(): Promise<Availability>;
}
