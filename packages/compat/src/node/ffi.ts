/** The only file that calls node:ffi. The functions are declared in `packages/core/src/native/declarations.ts`. */
import { setFlagsFromString } from "node:v8";
import { markAsUntransferable } from "node:worker_threads";
import { type Address, declarations, type NativeLibrary, type Symbols } from "@libipc/core/api";

/** The part of node:ffi (https://nodejs.org/api/ffi.html) that is used here. Its types do not exist everywhere where this is compiled. */
interface NodeFfi {
	dlopen(
		path: string,
		definitions: Record<string, { arguments: readonly string[]; return: string }>,
	): { functions: Record<string, (...args: never[]) => unknown> };
	toArrayBuffer(address: bigint, byteLength: number, copy: boolean): ArrayBuffer;
}

/** The first Node that has node:ffi, and the first that has it without a flag. */
const FIRST = [26, 1] as const;
const WITHOUT_FLAG = [26, 9] as const;

const isOlderThan = ([major, minor]: readonly [number, number]): boolean => {
	const [ourMajor = 0, ourMinor = 0] = process.versions.node.split(".").map(Number);
	return ourMajor < major || (ourMajor === major && ourMinor < minor);
};

/** Why there is no node:ffi here, and what would help; `undefined`: there is. */
export function missingFfi(): string | undefined {
	if (process.versions.bun) return "This is Bun, where @libipc/core reaches other processes.";
	if (isOlderThan(FIRST))
		return `This is Node ${process.versions.node}: other processes can be reached from Node 26.1 on, which has node:ffi.`;
	if (process.permission && !process.permission.has("ffi"))
		return "Node's permission model (--permission) forbids native code to this process: start it with --allow-ffi, which allows all that native code can do.";
	if (process.getBuiltinModule?.("node:ffi")) return undefined;
	return isOlderThan(WITHOUT_FLAG)
		? `This is Node ${process.versions.node}, which has node:ffi with the flag --experimental-ffi, and from 26.9 on without: start it with that flag.`
		: "This Node was started with --no-experimental-ffi, or built without node:ffi: start it without that flag.";
}

function nodeFfi(): NodeFfi {
	const ffi = process.getBuiltinModule("node:ffi") as unknown as NodeFfi | undefined;
	if (!ffi) throw new TypeError(missingFfi());
	return ffi;
}

/** The names of types that node:ffi and our declarations share. */
const definition = ({ args, returns }: { readonly args: readonly string[]; readonly returns: string }) => ({
	arguments: args,
	return: returns,
});

/** The ABI version of a library. Called before anything else of the library is used. Throws what node:ffi throws. */
export function abiVersion(path: string): number {
	const { ipc_abi_version } = declarations;
	const { functions } = nodeFfi().dlopen(path, { ipc_abi_version: definition(ipc_abi_version) });
	return (functions as unknown as Symbols).ipc_abi_version();
}

/** NULL is 0n. */
const address = (answer: unknown): Address | null => (answer === 0n ? null : (answer as Address));

/** Loads the library; throws what node:ffi throws. */
export function openLibrary(path: string): NativeLibrary {
	const { dlopen, toArrayBuffer } = nodeFfi();
	// Node 26.10 crashes in V8 ("FastApiCallNode::ArityForArgc … == value_input_count") when functions of different parameters are
	// called often, and compiled for it: `bun run conformance node-26-native --files mutex,rwlock` shows it every third time.
	setFlagsFromString("--no-turbo-fast-api-calls");
	const definitions = Object.fromEntries(
		Object.entries(declarations).map(([name, declaration]) => [name, definition(declaration)]),
	);
	const symbols = dlopen(path, definitions).functions as unknown as Symbols;
	/** Mappings whose buffer has been collected. */
	const collected = new FinalizationRegistry<Address>((mapping) => symbols.ipc_mapping_release(mapping));
	return {
		symbols,
		// They cannot be transferred, and the registry above ends with the Worker.
		viewsEndWithThread: true,
		address,
		map(from, byteLength, mapping) {
			const buffer = toArrayBuffer(from as unknown as bigint, byteLength, false);
			// After a transfer its contents would be in another buffer, whose collection this file would not notice.
			markAsUntransferable(buffer);
			collected.register(buffer, mapping);
			return new Uint8Array(buffer);
		},
		adoptMessage(from, byteLength) {
			const message = new Uint8Array(toArrayBuffer(from as unknown as bigint, byteLength, true));
			symbols.ipc_message_release(from);
			return message;
		},
	};
}
