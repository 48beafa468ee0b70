/** The only file that calls the FFI of Deno. The functions are declared in `packages/core/src/native/declarations.ts`. */
import { markAsUntransferable } from "node:worker_threads";
import { type Address, declarations, type NativeLibrary, type Symbols } from "@libipc/core/api";
import { deno } from "./runtime.ts";

/** The names of types in Deno. */
const TYPES = { ptr: "pointer", buffer: "buffer", u32: "u32", i32: "i32", f64: "f64", void: "void" } as const;

interface Declaration {
	readonly args: readonly (keyof typeof TYPES)[];
	readonly returns: keyof typeof TYPES;
}

const definition = ({ args, returns }: Declaration) => ({
	parameters: args.map((type) => TYPES[type]),
	result: TYPES[returns],
});

/** The ABI version of a library. Called before anything else of the library is used. Throws what Deno throws. */
export function abiVersion(path: string): number {
	const { ipc_abi_version } = declarations;
	const { symbols } = deno().dlopen(path, { ipc_abi_version: definition(ipc_abi_version) });
	return (symbols as Symbols).ipc_abi_version();
}

/** The library with the one call that Deno makes on a thread of its pool. */
export interface DenoLibrary extends NativeLibrary {
	/** `ipc_waker_wait`: 1 if the waker was signalled, 0 if it was not in this time, else it is closed. */
	waitForSignal(low: number, high: number, milliseconds: number): Promise<number>;
}

/** Whether this Deno can keep the memory of a buffer from being transferred. 2.9.0 cannot: it marks the buffer, and shares it. */
function canMark(): boolean {
	const buffer = new ArrayBuffer(1);
	try {
		markAsUntransferable(buffer);
		structuredClone(buffer, { transfer: [buffer] });
		return false;
	} catch (error) {
		return error instanceof TypeError;
	}
}

/** Loads the library; throws what Deno throws. */
export function openLibrary(path: string): DenoLibrary {
	const { dlopen, UnsafePointerView } = deno();
	const definitions = Object.fromEntries(
		Object.entries(declarations).map(([name, declaration]) => [name, definition(declaration)]),
	);
	const { symbols: functions } = dlopen(path, {
		...definitions,
		// Deno takes bytes, or null, for a "buffer" only.
		ipc_list_open: { ...definition(declarations.ipc_list_open), parameters: ["buffer", "buffer"] },
		ipc_waker_wait: { ...definition(declarations.ipc_waker_wait), nonblocking: true },
	});
	const symbols = functions as Symbols;
	const isMarking = canMark();
	/** Mappings whose buffer has been collected. */
	const collected = new FinalizationRegistry<Address>((mapping) => symbols.ipc_mapping_release(mapping));
	return {
		symbols,
		// They cannot be transferred, and the registry above ends with the Worker.
		viewsEndWithThread: isMarking,
		// A pointer object, or null.
		address: (answer) => answer as Address | null,
		waitForSignal: functions.ipc_waker_wait as DenoLibrary["waitForSignal"],
		map(from, byteLength, mapping) {
			const buffer = UnsafePointerView.getArrayBuffer(from, byteLength);
			// After a transfer its contents would be in another buffer, whose collection this file would not notice. So a mapping stays
			// as long as the process where a transfer cannot be prevented.
			if (isMarking) {
				markAsUntransferable(buffer);
				collected.register(buffer, mapping);
			}
			return new Uint8Array(buffer);
		},
		adoptMessage(from, byteLength) {
			const message = new Uint8Array(UnsafePointerView.getArrayBuffer(from, byteLength).slice(0));
			symbols.ipc_message_release(from);
			return message;
		},
	};
}
