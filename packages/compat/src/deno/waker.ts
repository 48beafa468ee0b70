import { type EngineWaker, IpcError } from "@libipc/protocol";
import { library } from "./library.ts";
import { operations } from "./runtime.ts";

/**
 * How long one wait for a signal lasts. A Worker that is terminated ends after the wait that it has begun. Each wait costs the
 * process some 50 µs, so shorter ones would not be free.
 */
const WAIT_MS = 500;

/** What a wait returns if a signal has come. */
const SIGNALLED = 1;

/**
 * A socket that other processes signal with a datagram. The event loop of Deno polls no descriptor of others, so a thread of its pool
 * waits for the signals, in one wait after the other. The library keeps the descriptor: it is closed when the waker is, or when the
 * Worker ends, and never while a thread of the pool uses it.
 */
class NativeWaker implements EngineWaker {
	readonly #signalled: () => void;
	readonly #number = new Uint32Array(2);
	readonly #operations = operations();
	/** The wait that has begun and has not ended. */
	#wait: Promise<number> | undefined;
	#keepsAlive = false;
	#isClosed = false;

	constructor(signalled: () => void) {
		this.#signalled = signalled;
		if (library().symbols.ipc_waker_open_kept(this.#number) < 0)
			throw new IpcError(
				"ERR_IPC_SYSTEM",
				"",
				"The system gave no socket to wait on in the event loop. Are too many files open?",
			);
		this.#begin();
	}

	get low(): number {
		return this.#number[0] as number;
	}

	get high(): number {
		return this.#number[1] as number;
	}

	#begin(): void {
		// A wait that could not be told to let the process end would keep it alive for ever.
		if (this.#wait || this.#isClosed || !(this.#keepsAlive || this.#operations)) return;
		this.#wait = library().waitForSignal(this.low, this.high, WAIT_MS);
		if (!this.#keepsAlive) this.#operations?.unrefOpPromise(this.#wait);
		this.#wait.then(this.#end);
	}

	readonly #end = (result: number): void => {
		this.#wait = undefined;
		if (result < 0) return; // it was closed
		try {
			if (result === SIGNALLED && !this.#isClosed) this.#signalled();
		} finally {
			this.#begin();
		}
	};

	keepAlive(yes: boolean): void {
		if (yes === this.#keepsAlive) return;
		this.#keepsAlive = yes;
		if (!this.#wait) this.#begin();
		else if (!this.#operations)
			this.signalItself(); // that ends the wait, and the next one does not begin
		else if (yes) this.#operations.refOpPromise(this.#wait);
		else this.#operations.unrefOpPromise(this.#wait);
	}

	signalItself(): void {
		library().symbols.ipc_waker_test(this.low, this.high);
	}

	close(): void {
		this.#isClosed = true;
		library().symbols.ipc_waker_close(this.low, this.high);
	}
}

/** Opens a waker of this thread. */
export const openWaker = (signalled: () => void): EngineWaker => new NativeWaker(signalled);
