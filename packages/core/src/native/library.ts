import type { Address, Symbols } from "./declarations.ts";

/** The native library, loaded by a runtime's FFI. */
export interface NativeLibrary {
	readonly symbols: Symbols;
	/** What a function that answers an address answered. */
	address(answer: unknown): Address | null;
	/**
	 * Mapped memory without a copy, with a buffer of its own. The caller has a hold on `mapping`, which passes to the buffer: it
	 * stays mapped until the buffer's contents have been collected, wherever they were transferred to, and also when the
	 * endpoint is closed before. A view kept for too long reads stale bytes, it does not crash.
	 */
	map(address: Address, byteLength: number, mapping: Address): Uint8Array;
	/** A message that the library has put together, which is freed when the view has been collected. */
	adoptMessage(address: Address, byteLength: number): Uint8Array<ArrayBuffer>;
}

const answeredNull = (): Error => new TypeError("the native library answered NULL");

function map(library: NativeLibrary, address: unknown, byteLength: number, mapping: unknown): Uint8Array {
	const from = library.address(address);
	const held = library.address(mapping);
	if (from === null || held === null) throw answeredNull();
	return library.map(from, byteLength, held);
}

/** A mapping that the caller has a hold on, which passes to the buffer. */
export function mapMemory(library: NativeLibrary, mapping: Address): Uint8Array {
	const { symbols } = library;
	return map(library, symbols.ipc_mapping_address(mapping), symbols.ipc_mapping_byte_length(mapping), mapping);
}

export function mapReceiverRing(library: NativeLibrary, receiver: Address): Uint8Array {
	const { symbols } = library;
	const capacity = symbols.ipc_receiver_capacity(receiver);
	return map(library, symbols.ipc_receiver_ring(receiver), capacity, symbols.ipc_receiver_hold_mapping(receiver));
}

export function mapSenderRing(library: NativeLibrary, sender: Address): Uint8Array {
	const { symbols } = library;
	const capacity = symbols.ipc_sender_capacity(sender);
	return map(library, symbols.ipc_sender_ring(sender), capacity, symbols.ipc_sender_hold_mapping(sender));
}
