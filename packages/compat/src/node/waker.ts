import type { Socket } from "node:net";
import { type EngineWaker, IpcError } from "@libipc/protocol";
import { library } from "./library.ts";

/** More than a signal has. A longer datagram is cut off. */
const SIGNAL_BYTES = 16;

const noSocket = () =>
	new IpcError(
		"ERR_IPC_SYSTEM",
		"",
		"The system gave no socket to wait on in the event loop. Are too many files open?",
	);

/**
 * A socket that other processes signal by a datagram. Node polls it with all its other sockets. So there is no extra thread, and
 * nothing to stop before a Worker or the process may end.
 *
 * Node takes stream sockets only, and checks what it gets. So it gets a stream socket, which becomes the waker under the same
 * descriptor, before the event loop polls it for the first time. After that Node only reads.
 */
class NativeWaker implements EngineWaker {
	readonly #signalled: () => void;
	readonly #number = new Uint32Array(2);
	#socket: Socket;
	#keepsAlive = false;

	constructor(signalled: () => void) {
		this.#signalled = signalled;
		this.#socket = this.#open();
	}

	get low(): number {
		return this.#number[0] as number;
	}

	get high(): number {
		return this.#number[1] as number;
	}

	#open(): Socket {
		const { symbols } = library();
		const fd = symbols.ipc_waker_reserve();
		if (fd < 0) throw noSocket();
		// From here on Node owns the descriptor, and closes it also when a Worker is terminated.
		const onread = {
			buffer: new Uint8Array(SIGNAL_BYTES),
			callback: () => {
				this.#signalled();
				return true;
			},
		};
		// Loaded for the first waker: not every program waits in its event loop.
		const { Socket } = process.getBuiltinModule("node:net");
		const socket = new Socket({ fd, readable: true, writable: false, onread });
		// If the socket fails, no process can signal it. A waiting event loop still polls every 0.7 s, so a wake-up is late and not lost.
		socket.on("error", () => {});
		// Where the system has no filters, an empty datagram gets through, and ends the stream for Node.
		socket.on("close", this.#openAgain);
		socket.unref();
		if (symbols.ipc_waker_open_at(fd, this.#number) < 0) {
			socket.off("close", this.#openAgain);
			socket.destroy();
			throw noSocket();
		}
		return socket;
	}

	/** What is armed with the old number is armed again by the next poll. */
	readonly #openAgain = (): void => {
		library().symbols.ipc_waker_close(this.low, this.high);
		try {
			this.#socket = this.#open();
		} catch {
			return; // late, not lost: see above
		}
		if (this.#keepsAlive) this.#socket.ref();
		this.#signalled();
	};

	keepAlive(yes: boolean): void {
		this.#keepsAlive = yes;
		if (yes) this.#socket.ref();
		else this.#socket.unref();
	}

	signalItself(): void {
		library().symbols.ipc_waker_test(this.low, this.high);
	}

	close(): void {
		this.#socket.off("close", this.#openAgain);
		this.#socket.destroy();
		library().symbols.ipc_waker_close(this.low, this.high);
	}
}

/** Opens a waker of this thread. */
export const openWaker = (signalled: () => void): EngineWaker => new NativeWaker(signalled);
