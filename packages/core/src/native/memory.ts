import type { EngineMemory, EngineWaker } from "@libipc/protocol";
import { openFailure } from "../check/open_failure.ts";
import type { Address } from "./declarations.ts";
import { NativeFailure } from "./failure.ts";
import { NativeWaits } from "./handle.ts";
import { mapMemory, type NativeLibrary } from "./library.ts";

export class NativeMemory extends NativeWaits implements EngineMemory {
	readonly #failure = new NativeFailure();
	readonly #library: NativeLibrary;
	readonly #error: (call: "map" | "grow" | "clear") => Error;

	constructor(library: NativeLibrary, handle: Address, prefix: string, name: string) {
		super(library, handle);
		this.#library = library;
		this.#error = (call) => openFailure(this.#failure, "memory", prefix, name, call);
	}

	byteLength(): number {
		return this.symbols.ipc_memory_byte_length(this.handle);
	}

	map(): Uint8Array {
		const mapping = this.#library.address(this.symbols.ipc_memory_map(this.handle, this.#failure.bytes));
		if (mapping === null) throw this.#error("map");
		return mapMemory(this.#library, mapping);
	}

	grow(byteLength: number): void {
		if (this.symbols.ipc_memory_grow(this.handle, byteLength, this.#failure.bytes) < 0) throw this.#error("grow");
	}

	unlink(): void {
		const code = this.symbols.ipc_memory_unlink(this.handle);
		if (code >= 0) return;
		this.#failure.code = code;
		throw this.#error("clear");
	}

	enter(offset: number, expected: number, waker: EngineWaker | undefined): number {
		const { low, high } = waker ?? { low: 0, high: 0 };
		return this.symbols.ipc_memory_enter(this.handle, offset, expected, low, high, this.#failure.bytes);
	}

	wake(offset: number, count: number): number {
		return this.symbols.ipc_memory_wake(this.handle, offset, count);
	}
}
