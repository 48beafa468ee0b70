import { Socket } from "node:net";
import { type EngineWaker, IpcError } from "@libipc/protocol";
import { library } from "./library.ts";

/** More than a ring has. One that is larger is cut off: it is a datagram. */
const SIGNAL_BYTES = 16;

const noSocket = () =>
	new IpcError(
		"ERR_IPC_SYSTEM",
		"",
		"The system gave no socket to wait on in the event loop. Are too many files open?",
	);

/**
 * A socket that other processes ring by a datagram, polled by Node with all its other sockets: no thread of ours, and
 * nothing to stop before a Worker or the process may end.
 *
 * Node takes stream sockets only, and looks at what it is given. So it is given one, which becomes the waker, under the
 * same descriptor, before the event loop polls it for the first time. From there on Node just reads.
 */
class NativeWaker implements EngineWaker {
	readonly low: number;
	readonly high: number;
	readonly #socket: Socket;

	constructor(signalled: () => void) {
		const { symbols } = library();
		const fd = symbols.ipc_waker_reserve();
		if (fd < 0) throw noSocket();
		// Node owns the descriptor from here on, also when a Worker is terminated.
		const onread = {
			buffer: new Uint8Array(SIGNAL_BYTES),
			callback: () => {
				signalled();
				return true;
			},
		};
		this.#socket = new Socket({ fd, readable: true, writable: false, onread });
		// Should it ever fail, nobody can ring it. Whoever waits still looks around by itself every 0.7 s: late, not lost.
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
