import { listenTo } from "../check/signal.ts";
import type { IncomingStream } from "./incoming_stream.ts";
import type { ServerLink } from "./server_link.ts";

/**
 * Where a call is:
 *
 * - `waiting`: in the memory of the client
 * - `sending`: it waits for space in the queue
 * - `queued`: in the queue, or taken by a server that has not said so
 * - `started`: a server has said that it runs it
 * - `over`: answered, or given up
 */
export type CallState = "waiting" | "sending" | "queued" | "started" | "over";

/** What a call is made of. */
export interface NewCallOptions {
	readonly id: number;
	readonly method: string;
	readonly frame: Uint8Array;
	/** The frame with the arguments, if they are not in the request. */
	readonly args: Uint8Array | undefined;
	readonly idempotent: boolean;
	/** Whether it has a timeout. */
	readonly hasTimeout: boolean;
	readonly resolve: (value: unknown) => void;
	readonly reject: (reason: unknown) => void;
}

/** A call that is not over. */
export class PendingCall {
	readonly id: number;
	readonly method: string;
	readonly frame: Uint8Array;
	readonly args: Uint8Array | undefined;
	/** Whether it may be sent again if it may have been run. */
	idempotent: boolean;
	readonly hasTimeout: boolean;
	readonly resolve: (value: unknown) => void;
	readonly reject: (reason: unknown) => void;
	state: CallState = "waiting";
	/** Whether the program does not wait for it any more, but the server has not been told. */
	isGivenUp = false;
	/** The server that runs it. */
	link: ServerLink<PendingCall> | undefined;
	/** Its items, if it is iterated, or is known to be a stream. */
	stream: IncomingStream | undefined;
	/** The id of the client under which it was sent. */
	client = 0;
	/** Since when it has been seen to wait while no server is open, on the clock of `performance.now`; below 0: not now. */
	unservedSince = -1;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#unlisten: (() => void) | undefined;

	constructor({ id, method, frame, args, idempotent, hasTimeout, resolve, reject }: NewCallOptions) {
		this.id = id;
		this.method = method;
		this.frame = frame;
		this.args = args;
		this.idempotent = idempotent;
		this.hasTimeout = hasTimeout;
		this.resolve = resolve;
		this.reject = reject;
	}

	/** Calls `end` after `timeout` milliseconds, or when `signal` is aborted. */
	endsWith(timeout: number, onTimeout: () => void, signal: AbortSignal | undefined, onAbort: () => void): void {
		if (timeout >= 0) this.#timer = setTimeout(onTimeout, timeout);
		if (signal) this.#unlisten = listenTo(signal, onAbort);
	}

	/** The program waits for it no longer: for its timer and signal neither. */
	release(): void {
		if (this.#timer !== undefined) clearTimeout(this.#timer);
		this.#unlisten?.();
		this.#timer = this.#unlisten = undefined;
	}
}
