import type { EngineWaker } from "@libipc/protocol";
import { IpcError } from "@libipc/protocol";
import { library } from "./library.ts";

/** Bun.connect with a descriptor, which the types of Bun describe (`FdSocketOptions`) but leave out of its overloads. */
const connect = Bun.connect as unknown as (options: Bun.FdSocketOptions) => Promise<Bun.Socket>;

/**
 * A socket that other processes signal with a datagram. Bun polls it together with its other sockets, so no thread has to be
 * stopped before a Worker or the process ends. It wakes the event loop in a quarter of the time that a native thread with a
 * thread-safe callback needs (docs/performance.md).
 */
class NativeWaker implements EngineWaker {
	readonly #signalled: () => void;
	readonly #number = new Uint32Array(2);
	#socket: Bun.Socket | undefined;
	#keepsAlive = false;
	#closed = false;

	constructor(signalled: () => void) {
		this.#signalled = signalled;
		if (!this.#open())
			throw new IpcError(
				"ERR_IPC_SYSTEM",
				"",
				"The system gave no socket to wait on in the event loop. Are too many files open?",
			);
	}

	get low(): number {
		return this.#number[0] as number;
	}

	get high(): number {
		return this.#number[1] as number;
	}

	#open(): boolean {
		const fd = library().symbols.ipc_waker_open(this.#number);
		if (fd < 0) return false;
		// Bun owns the descriptor from here on, even if a Worker is terminated. A datagram that arrives before Bun polls is not lost.
		connect({ fd, socket: { data: this.#signalled, close: this.#openAgain } }).then(
			(socket) => {
				this.#socket = socket;
				if (this.#closed) this.#end();
				else this.keepAlive(this.#keepsAlive);
			},
			() => {
				// It cannot be signalled then. The event loop still polls every 0.7 s: wake-ups are late, not lost.
				library().symbols.ipc_waker_close(this.low, this.high);
			},
		);
		return true;
	}

	/**
	 * Where the system has no filters, an empty datagram gets through, and ends the stream for Bun. What is armed with the old
	 * number is armed again by the next poll.
	 */
	readonly #openAgain = (): void => {
		if (this.#closed) return;
		this.#socket = undefined;
		library().symbols.ipc_waker_close(this.low, this.high);
		if (this.#open()) this.#signalled();
	};

	keepAlive(yes: boolean): void {
		this.#keepsAlive = yes;
		if (yes) this.#socket?.ref();
		else this.#socket?.unref();
	}

	signalItself(): void {
		library().symbols.ipc_waker_test(this.low, this.high);
	}

	close(): void {
		this.#closed = true;
		this.#end();
	}

	#end(): void {
		if (!this.#socket) return;
		this.#socket.terminate();
		this.#socket = undefined;
		library().symbols.ipc_waker_close(this.low, this.high);
	}
}

/** Opens a waker of this thread. */
export function openWaker(signalled: () => void): EngineWaker {
	return new NativeWaker(signalled);
}
