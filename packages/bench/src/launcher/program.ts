/**
 * A program of a benchmark that runs in another process or in a Worker. The launcher starts it, carries orders and reports,
 * and ends it: when it is disposed of, when the signal aborts, and when this process exits.
 */
export interface Program<Order, Report> extends AsyncDisposable {
	/** @param transfer ports that move to a Worker with the order */
	send(order: Order, transfer?: readonly MessagePort[]): void;
	/** The next report. Rejects when the program fails or ends, and with the reason of the signal when that aborts. */
	report(): Promise<Report>;
	/** Rejects as {@link report} does; never resolves. */
	readonly failure: Promise<never>;
}

export interface ProgramOptions {
	/** Names the program in messages: "receiver 2". */
	readonly name: string;
	/** The TypeScript file. */
	readonly program: URL;
	readonly args?: readonly string[];
	readonly signal?: AbortSignal | undefined;
	/**
	 * The measured messages travel by the program's own message channel. It then gets no orders, and it is ended without
	 * being asked.
	 */
	readonly isRaw?: boolean;
}

/** What a program gets. */
export type OrderMessage<Order> = { readonly order: Order } | { readonly end: true };

/** What comes back from it. */
export type ReportMessage<Report> = { readonly report: Report } | { readonly error: string };
