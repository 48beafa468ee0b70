import { Socket } from "node:net";
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
	readonly low: number;
	readonly high: number;
	readonly #socket: Socket;

	constructor(signalled: () => void) {
		const { symbols } = library();
		const fd = symbols.ipc_waker_reserve();
		if (fd < 0) throw noSocket();
		// From here on Node owns the descriptor, and closes it also when a Worker is terminated.
		const onread = {
			buffer: new Uint8Array(SIGNAL_BYTES),
			callback: () => {
				signalled();
				return true;
			},
		};
		this.#socket = new Socket({ fd, readable: true, writable: false, onread });
		// If the socket fails, no process can signal it. A waiting event loop still polls every 0.7 s, so a wake-up is late and not lost.
		this.#socket.on("error", () => {});
		this.#socket.unref();
		const number = new Uint32Array(2);
		if (symbols.ipc_waker_open_at(fd, number) < 0) {
			this.#socket.destroy();
			throw noSocket();
		}
		this.low = number[0] as number;
		this.high = number[1] as number;
	}

	keepAlive(yes: boolean): void {
		if (yes) this.#socket.ref();
		else this.#socket.unref();
	}

	close(): void {
		this.#socket.destroy();
		library().symbols.ipc_waker_close(this.low, this.high);
	}
}

/** Opens a waker of this thread. */
export const openWaker = (signalled: () => void): EngineWaker => new NativeWaker(signalled);
