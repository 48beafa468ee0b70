import type { Address, Symbols } from "./declarations.ts";

/**
 * The native library, loaded by a runtime's FFI.
 *
 * @internal
 */
export interface NativeLibrary {
	readonly symbols: Symbols;
	/** Whether the views of a Worker end with it. Otherwise the runtime releases each view, also when a Worker is terminated. */
	readonly viewsEndWithThread: boolean;
	/** Collects garbage, and releases what its views hold, before it returns: where the runtime has such a call. */
	readonly collectGarbage?: () => void;
	/** Converts the result of a function that returns an address. */
	address(answer: unknown): Address | null;
	/**
	 * A view of mapped memory, without a copy, with a separate buffer. The caller's reference to `mapping` passes to the buffer: the
	 * addresses stay mapped until the contents of the buffer are collected, even if they were transferred, or the endpoint is
	 * closed before. A view of a ring that is kept too long reads zeros; it does not crash.
	 */
	map(address: Address, byteLength: number, mapping: Address): Uint8Array;
	/** A message that the library has assembled. It is freed when the view is collected. */
	adoptMessage(address: Address, byteLength: number): Uint8Array<ArrayBuffer>;
}

const answeredNull = (): Error => new TypeError("the native library returned NULL");

function map(library: NativeLibrary, address: unknown, byteLength: number, mapping: unknown): Uint8Array {
	const from = library.address(address);
	const held = library.address(mapping);
	if (from === null || held === null) throw answeredNull();
	return library.map(from, byteLength, held);
}

/**
 * A view of a mapping. The caller's reference to the mapping passes to the buffer of the view.
 *
 * @internal
 */
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
