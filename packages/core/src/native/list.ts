import {
	type Engine,
	IpcError,
	kindName,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	overflows,
	Status,
} from "@libipc/protocol";
import { NativeFailure } from "./failure.ts";
import type { NativeLibrary } from "./library.ts";
import { terminated } from "./options.ts";

const ROLES = ["sender", "receiver", "handle"] as const satisfies readonly ListedEndpoint["role"][];
const STATES = [
	"live",
	"leftover",
	"unfinished",
	"other-version",
	"foreign",
	"damaged",
	"denied",
] as const satisfies readonly ListedState[];

const decoder = new TextDecoder();

/** A structure of `native/include/libipc/list.h`, filled by native code and read by offset. */
class Structure {
	readonly bytes: Uint8Array;
	readonly #view: DataView;

	constructor(byteLength: number) {
		this.bytes = new Uint8Array(byteLength);
		this.#view = new DataView(this.bytes.buffer);
	}

	word(offset: number): number {
		return this.#view.getUint32(offset, true);
	}

	long(offset: number): number {
		return Number(this.#view.getBigUint64(offset, true));
	}

	text(offset: number): string {
		return decoder.decode(this.bytes.subarray(offset, this.bytes.indexOf(0, offset)));
	}
}

/** `ipc_listed_name`. */
function readName(structure: Structure, endpoints: readonly ListedEndpoint[]): ListedName {
	return {
		name: structure.text(168),
		prefix: structure.text(96),
		kind: kindName(structure.word(4)) ?? "unknown",
		state: STATES[structure.word(0) - 1] ?? "foreign",
		capacity: structure.long(64),
		maxReceivers: structure.word(8),
		overflow: overflows[structure.word(12) - 1] ?? "unknown",
		permissions: structure.word(16),
		messages: structure.long(88),
		waiting: structure.word(40),
		permits: structure.word(44),
		initial: structure.word(48),
		robust: structure.word(52) !== 0,
		recovered: structure.word(56),
		unusable: structure.word(60) !== 0,
		endpoints,
		path: structure.text(304),
		byteLength: structure.long(72),
	};
}

/** `ipc_listed_endpoint`. */
function readEndpoint(structure: Structure): ListedEndpoint {
	return {
		role: ROLES[structure.word(0) - 1] ?? "receiver",
		pid: structure.word(12),
		alive: structure.word(16) !== 0,
		sleeping: structure.word(20) !== 0,
		position: structure.long(24),
		lag: structure.long(32),
		lost: structure.long(40),
		holds: structure.word(48),
		exclusive: structure.word(52) !== 0,
		instance: structure.word(8),
	};
}

const ofName = () => new Structure(576);
const ofEndpoint = () => new Structure(56);

function listFailure(failure: NativeFailure): IpcError {
	const error = failure.systemError === 0 ? "" : ` (system error ${failure.systemError})`;
	switch (failure.code) {
		case Status.permission:
			return new IpcError(
				"ERR_IPC_PERMISSION",
				"",
				`This user may not list shared memory${error}. On Linux it must be able to read /dev/shm, on macOS /var/tmp.`,
			);
		case Status.noSpace:
			return new IpcError("ERR_IPC_NO_SPACE", "", `There is no memory left to list names in${error}.`);
		default:
			return new IpcError("ERR_IPC_SYSTEM", "", `The system could not list shared memory${error}.`);
	}
}

/** Every listed name that `accept` takes, in the listing's own order; it may remove the current one. */
function collect(
	library: () => NativeLibrary,
	prefix: string | undefined,
	accept: (name: ListedName, remove: () => boolean) => boolean,
): ListedName[] {
	const { symbols, address } = library();
	const failure = new NativeFailure();
	const wanted = prefix === undefined ? null : terminated(prefix);
	const listing = address(symbols.ipc_list_open(wanted, failure.bytes));
	if (listing === null) throw listFailure(failure);
	try {
		const name = ofName();
		const endpoint = ofEndpoint();
		const accepted: ListedName[] = [];
		const remove = () => symbols.ipc_list_remove(listing) === 1;
		for (;;) {
			const status = symbols.ipc_list_next(listing, name.bytes, failure.bytes);
			if (status < 0) throw listFailure(failure);
			if (status === 0) return accepted;
			const endpoints: ListedEndpoint[] = [];
			while (symbols.ipc_list_endpoint(listing, endpoint.bytes) === 1) endpoints.push(readEndpoint(endpoint));
			const found = readName(name, endpoints);
			if (accept(found, remove)) accepted.push(found);
		}
	} finally {
		symbols.ipc_list_close(listing);
	}
}

/** `list` and `clearLeftovers` of the native engine. */
export const openNativeLists = (library: () => NativeLibrary): Pick<Engine, "list" | "clearLeftovers"> => ({
	list: (prefix) => collect(library, prefix, () => true),
	clearLeftovers: (prefix) =>
		collect(library, prefix, ({ state }, remove) => (state === "leftover" || state === "unfinished") && remove()),
});
