/**
 * The only file that uses the Node-API addon, whose source is `native/node_api`. It calls the functions that
 * `packages/core/src/native/declarations.ts` declares.
 */
import { markAsUntransferable } from "node:worker_threads";
import { type Address, declarations, loadNativeFile, type NativeLibrary, type Symbols } from "@libipc/core/api";
import { IpcError } from "@libipc/protocol";

/** What the addon exports. `native/node_api/addon.c` documents each function. */
interface Addon {
	open(path: string): Address;
	find(library: Address, name: string, shape: string): (...args: never[]) => unknown;
	lend(address: Address, byteLength: number, release: Address, held: Address): ArrayBuffer;
}

type Declaration = (typeof declarations)[keyof typeof declarations];

/** Whether this process may load no addon at all. */
function areAddonsForbidden(): boolean {
	try {
		process.dlopen({ exports: {} }, "/dev/null");
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "ERR_DLOPEN_DISABLED";
	}
}

/** Why no addon can be loaded in this process, and what would help; `undefined`: one can. */
export function whyNoAddons(): string | undefined {
	if (process.versions.bun) return "This is Bun, where @libipc/core reaches other processes.";
	if (!areAddonsForbidden()) return undefined;
	return process.permission
		? "Node's permission model (--permission) forbids native code to this process: start it with --allow-addons, which allows all that native code can do."
		: "This Node was started with --no-addons: start it without that flag.";
}

const loadAddon = (): Addon =>
	loadNativeFile("addon", ({ path }) => {
		const module = { exports: {} };
		try {
			process.dlopen(module, path);
		} catch (error) {
			const why = whyNoAddons();
			throw why === undefined ? error : new IpcError("ERR_IPC_LIBRARY", "", why);
		}
		return module.exports as Addon;
	});

/** Of this thread. */
let addon: Addon | undefined;

/** The letters of a shape: `native/node_api/shapes.h`. */
const shapeOf = ({ args, returns }: Declaration): string => `${returns[0]}_${args.map(([letter]) => letter).join("")}`;

function functionsOf<Name extends keyof Symbols>(path: string, names: readonly Name[]): Pick<Symbols, Name> {
	addon ??= loadAddon();
	const { open, find } = addon;
	const library = open(path);
	const functions = names.map((name) => [name, find(library, name, shapeOf(declarations[name]))]);
	return Object.fromEntries(functions) as Pick<Symbols, Name>;
}

/** The ABI version of a library. Called before anything else of the library is used. Throws what the system says. */
export function abiVersion(path: string): number {
	return functionsOf(path, ["ipc_abi_version"]).ipc_abi_version();
}

const refuseTransfer = {
	value(): never {
		throw new TypeError("The memory of libipc cannot be transferred: copy it, as by slice().");
	},
};

/**
 * A buffer of mapped memory that cannot be detached. All views of a mapping have this buffer, those that libipc works with, too. A
 * buffer that an addon has lent is one that Node itself does not transfer, to a Worker for example. JavaScript still could.
 */
function undetachable(lent: ArrayBuffer): ArrayBuffer {
	if (!lent.transfer) return lent; // Node 20
	// At its end, Node detaches the buffer that the addon has lent, and aborts if that is marked. So another one is marked.
	const buffer = lent.transfer();
	markAsUntransferable(buffer);
	// Before version 24, Node does not tell V8 about the mark, and a caller of ArrayBuffer.prototype.transfer() is not refused.
	return Object.defineProperties(buffer, { transfer: refuseTransfer, transferToFixedLength: refuseTransfer });
}

/** NULL is 0. */
const address = (answer: unknown): Address | null => (answer === 0 ? null : (answer as Address));

/** Loads the library; throws what the system says. */
export function openLibrary(path: string): NativeLibrary {
	const symbols = functionsOf(path, Object.keys(declarations) as (keyof Symbols)[]);
	const { lend } = addon as Addon;
	const releaseMapping = symbols.ipc_mapping_releaser() as Address;
	const releaseMessage = symbols.ipc_message_releaser() as Address;
	return {
		symbols,
		// They cannot be transferred to another thread.
		viewsEndWithThread: true,
		address,
		map: (from, byteLength, mapping) => new Uint8Array(undetachable(lend(from, byteLength, releaseMapping, mapping))),
		adoptMessage: (from, byteLength) => new Uint8Array(lend(from, byteLength, releaseMessage, from)),
	};
}
