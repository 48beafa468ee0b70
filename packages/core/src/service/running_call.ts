import type { Lease } from "../endpoint/types.ts";
import type { Decoding } from "../value/decoding.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { CallFrame } from "./frames.ts";
import type { Handler } from "./handlers.ts";
import type { MethodOptions } from "./method_options.ts";
import type { CallContext } from "./service_types.ts";

/** The longest time of a timer: longer ones fire at once. Milliseconds. */
const LONGEST_TIMER = 0x7fffffff;

/** What a call learns from its server. */
export interface CallEnvironment {
	/** The service, without its prefix. */
	readonly service: string;
	/** Nanoseconds on the clock of deadlines. */
	now(): number;
}

/** A method of a server. */
export interface ServedMethod {
	readonly name: string;
	readonly handler: Handler;
	readonly options: MethodOptions;
	readonly decoding: Decoding;
	/** How many of its calls run. */
	running: number;
	/** Those beyond its limit. */
	readonly waiting: Set<RunningCall>;
}

/** A call that a server runs. It is the context of its handler. */
export class RunningCall implements CallContext {
	readonly connection: ClientConnection<RunningCall>;
	readonly method: string;
	readonly pid: number;
	readonly uid: number | undefined;
	readonly attempt: number;
	readonly deadline: number | undefined;
	readonly service: string;
	/** Its number. */
	readonly call: number;
	readonly #environment: CallEnvironment;
	readonly served: ServedMethod;
	/** Its request, which goes back to the queue if this server is killed; `undefined`: the client knows that this server runs it. */
	lease: Lease | undefined;
	/** How many items may be sent. */
	credit: number;
	/** Whether no answer is needed any more. */
	isCancelled = false;
	/** Whether its signal was aborted because its time is over. */
	isExpired = false;
	/** Whether it has ended. */
	isOver = false;
	/** Whether it runs, or waits for others of its method, or for its arguments. */
	isRunning = false;
	isStream = false;
	/** Whether `started` has been sent, or is not needed, because the answer has been. */
	isAnnounced = false;
	/** Of a call that waits for others of its method: begins it. */
	begin: (() => void) | undefined;
	/** Of a stream that waits: goes on. */
	#wake: (() => void) | undefined;
	#controller: AbortController | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(
		environment: CallEnvironment,
		connection: ClientConnection<RunningCall>,
		served: ServedMethod,
		frame: CallFrame,
		uid: number | undefined,
		attempt: number,
		lease: Lease,
	) {
		this.#environment = environment;
		this.service = environment.service;
		this.connection = connection;
		this.served = served;
		this.call = frame.call;
		this.method = frame.method;
		this.pid = frame.pid;
		this.uid = uid;
		this.attempt = attempt;
		this.deadline = frame.deadline === 0 ? undefined : frame.deadline;
		this.credit = frame.credit;
		this.lease = lease;
	}

	get signal(): AbortSignal {
		if (this.#controller) return this.#controller.signal;
		this.#controller = new AbortController();
		if (this.isCancelled) this.#controller.abort(abortReason("The call was aborted."));
		else if (this.deadline !== undefined && !this.isOver) {
			const left = Math.max(0, Math.ceil((this.deadline - this.#environment.now()) / 1e6));
			if (left <= LONGEST_TIMER)
				this.#timer = setTimeout(() => {
					this.isExpired = true;
					this.#controller?.abort(new DOMException("The deadline of the call has passed.", "TimeoutError"));
				}, left);
		}
		return this.#controller.signal;
	}

	/** No answer is needed any more. */
	cancel(why: string): void {
		if (this.isCancelled || this.isOver) return;
		this.isCancelled = true;
		this.#controller?.abort(abortReason(why));
		this.wake();
	}

	/** The client takes more items. */
	grant(items: number): void {
		this.credit += items;
		this.wake();
	}

	wake(): void {
		const wake = this.#wake;
		this.#wake = undefined;
		wake?.();
	}

	/** Waits until an item may be sent, or no item is needed any more. */
	async mayYield(): Promise<boolean> {
		while (this.credit <= 0 && !this.isCancelled)
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		return !this.isCancelled;
	}

	/** The request is not in the queue any more. */
	endLease(): void {
		const { lease } = this;
		this.lease = undefined;
		lease?.done();
	}

	end(): void {
		this.isOver = true;
		clearTimeout(this.#timer);
	}
}

const abortReason = (why: string): DOMException => new DOMException(why, "AbortError");
