import type { EndpointKind, Engine, EngineOptions, EngineReceiver, EngineSender } from "@libipc/protocol";
import { asHandle, type Handle, mapRing, type Symbols } from "./ffi.ts";
import { library } from "./library.ts";
import { Failure, openFailure } from "./open_failure.ts";
import { closeAtExit } from "./open_handles.ts";

const KINDS = { route: 1, channel: 2 } as const satisfies Record<EndpointKind, number>;

const encoder = new TextEncoder();
const terminated = (text: string): Uint8Array => encoder.encode(`${text}\0`);

/** `ipc_options` in `native/include/libipc/options.h`. */
function nativeOptions(kind: EndpointKind, options: EngineOptions): Uint32Array {
	return Uint32Array.of(
		KINDS[kind],
		options.capacity,
		options.maxReceivers,
		options.permissions,
		options.firstPosition,
	);
}

/** Messages between processes, by the C library. */
export const nativeEngine: Engine = {
	openSender(kind, prefix, name, options) {
		const symbols = library();
		const failure = new Failure();
		const native = nativeOptions(kind, options);
		const handle = asHandle(symbols.ipc_sender_open(terminated(prefix), terminated(name), native, failure.bytes));
		if (handle === null) throw openFailure(failure, kind, prefix, name);
		return new NativeSender(symbols, handle);
	},

	openReceiver(kind, prefix, name, options) {
		const symbols = library();
		const failure = new Failure();
		const native = nativeOptions(kind, options);
		const handle = asHandle(symbols.ipc_receiver_open(terminated(prefix), terminated(name), native, failure.bytes));
		if (handle === null) throw openFailure(failure, kind, prefix, name);
		return new NativeReceiver(symbols, handle);
	},

	clear(kind, prefix, name) {
		const failure = new Failure();
		const status = library().ipc_clear(terminated(prefix), terminated(name), KINDS[kind], failure.bytes);
		if (status < 0) throw openFailure(failure, kind, prefix, name);
	},
};

class NativeSender implements EngineSender {
	readonly maxMessageLength: number;
	readonly #symbols: Symbols;
	readonly #handle: Handle;
	readonly #close: () => void;

	constructor(symbols: Symbols, handle: Handle) {
		this.#symbols = symbols;
		this.#handle = handle;
		this.maxMessageLength = symbols.ipc_sender_max_message(handle);
		this.#close = closeAtExit(this, () => symbols.ipc_sender_close(handle));
	}

	send(bytes: Uint8Array, length: number, timeout: number): number {
		return this.#symbols.ipc_sender_send(this.#handle, bytes, length, timeout);
	}

	stage(bytes: Uint8Array, length: number): number {
		return this.#symbols.ipc_sender_stage(this.#handle, bytes, length);
	}

	flush(timeout: number): number {
		return this.#symbols.ipc_sender_flush(this.#handle, timeout);
	}

	receiverCount(): number {
		return this.#symbols.ipc_sender_receiver_count(this.#handle);
	}

	waitForReceivers(count: number, timeout: number): number {
		return this.#symbols.ipc_sender_wait_for_receivers(this.#handle, count, timeout);
	}

	close(): void {
		this.#close();
	}
}

class NativeReceiver implements EngineReceiver {
	readonly #symbols: Symbols;
	readonly #handle: Handle;
	readonly #close: () => void;
	#ring: ArrayBuffer | undefined;

	constructor(symbols: Symbols, handle: Handle) {
		this.#symbols = symbols;
		this.#handle = handle;
		this.#close = closeAtExit(this, () => symbols.ipc_receiver_close(handle));
	}

	recv(target: Uint8Array, timeout: number): number {
		return this.#symbols.ipc_receiver_recv(this.#handle, target, target.byteLength, timeout);
	}

	nextLength(): number {
		return this.#symbols.ipc_receiver_next_length(this.#handle);
	}

	peek(spans: Uint32Array, max: number, timeout: number): number {
		return this.#symbols.ipc_receiver_peek(this.#handle, spans, max, timeout);
	}

	consume(count: number): number {
		return this.#symbols.ipc_receiver_consume(this.#handle, count);
	}

	ring(): ArrayBuffer {
		// A buffer that the user detached (structuredClone with transfer) is made anew.
		if (!this.#ring || this.#ring.detached) this.#ring = mapRing(this.#symbols, this.#handle);
		return this.#ring;
	}

	close(): void {
		this.#close();
	}
}
