import {
	abi,
	type Engine,
	IpcError,
	Kind,
	kindName,
	type ListedEndpoint,
	type ListedName,
	type ListedState,
	overflows,
} from "@libipc/protocol";
import { openFailure, refusedCode } from "../check/open_failure.ts";
import { refusalText } from "../check/refusal.ts";
import { NativeFailure } from "./failure.ts";
import type { NativeLibrary } from "./library.ts";
import { terminated } from "./options.ts";

const { listedName: name, listedEndpoint: endpoint, ListedStateNumber, Role } = abi;

const ROLES: Readonly<Record<number, ListedEndpoint["role"]>> = {
	[Role.sender]: "sender",
	[Role.receiver]: "receiver",
	[Role.handle]: "handle",
};
const STATES: Readonly<Record<number, ListedState>> = {
	[ListedStateNumber.live]: "live",
	[ListedStateNumber.leftover]: "leftover",
	[ListedStateNumber.unfinished]: "unfinished",
	[ListedStateNumber.version]: "other-version",
	[ListedStateNumber.foreign]: "foreign",
	[ListedStateNumber.damaged]: "damaged",
	[ListedStateNumber.denied]: "denied",
	[ListedStateNumber.kept]: "kept",
};

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
	const kind = kindName(structure.word(name.kind)) ?? "unknown";
	return {
		name: structure.text(name.name),
		prefix: structure.text(name.prefix),
		kind,
		state: STATES[structure.word(name.state)] ?? "foreign",
		capacity: structure.long(name.capacity),
		maxReceivers: structure.word(name.maxReceivers),
		overflow: overflows[structure.word(name.overflow) - 1] ?? "unknown",
		permissions: structure.word(name.permissions),
		codec: structure.text(name.codec),
		stamped: structure.word(name.stamped) !== 0,
		messages: structure.long(name.messages),
		written: structure.long(name.head),
		wakeups: structure.word(name.wakeups),
		waiting: kind === "latest" ? 0 : structure.word(name.waiting),
		valueLength: kind === "latest" ? structure.word(name.waiting) : 0,
		permits: structure.word(name.permits),
		initial: structure.word(name.initial),
		robust: structure.word(name.robust) !== 0,
		recovered: structure.word(name.recovered),
		unusable: structure.word(name.unusable) !== 0,
		maxAttempts: structure.word(name.maxAttempts),
		deadLetter: structure.text(name.deadLetter),
		age: structure.long(name.age),
		layoutVersion: structure.word(name.version),
		endpoints,
		path: structure.text(name.path),
		byteLength: structure.long(name.bytes),
	};
}

/** `ipc_listed_endpoint`. */
function readEndpoint(structure: Structure): ListedEndpoint {
	return {
		role: ROLES[structure.word(endpoint.role)] ?? "receiver",
		pid: structure.word(endpoint.pid),
		alive: structure.word(endpoint.alive) !== 0,
		sleeping: structure.word(endpoint.sleeping) !== 0,
		position: structure.long(endpoint.position),
		lag: structure.long(endpoint.lag),
		lost: structure.long(endpoint.lost),
		holds: structure.word(endpoint.holds),
		attempts: structure.word(endpoint.attempts),
		exclusive: structure.word(endpoint.exclusive) !== 0,
		observer: structure.word(endpoint.observer) !== 0,
		age: structure.long(endpoint.age),
		slept: structure.word(endpoint.slept),
		pidNamespace: structure.word(endpoint.pidNamespace),
		instance: structure.word(endpoint.instance),
	};
}

function listFailure(failure: NativeFailure): IpcError {
	return new IpcError(refusedCode(failure) ?? "ERR_IPC_SYSTEM", "", refusalText("list shared memory", failure));
}

type Remove = "ipc_list_remove" | "ipc_list_remove_unneeded";

/** Every listed name that `accept` takes, in the listing's own order; it may remove the current one. */
function collect(
	library: () => NativeLibrary,
	prefix: string | undefined,
	accept: (name: ListedName, remove: (how: Remove) => boolean) => boolean,
): ListedName[] {
	const { symbols, address } = library();
	const failure = new NativeFailure();
	const wanted = prefix === undefined ? null : terminated(prefix);
	const listing = address(symbols.ipc_list_open(wanted, failure.bytes));
	if (listing === null) throw listFailure(failure);
	try {
		const nameBuffer = new Structure(abi.LISTED_NAME_BYTES);
		const endpointBuffer = new Structure(abi.LISTED_ENDPOINT_BYTES);
		const accepted: ListedName[] = [];
		const remove = (how: Remove) => symbols[how](listing) === 1;
		for (;;) {
			const status = symbols.ipc_list_next(listing, nameBuffer.bytes, failure.bytes);
			if (status < 0) throw listFailure(failure);
			if (status === 0) return accepted;
			const endpoints: ListedEndpoint[] = [];
			while (symbols.ipc_list_endpoint(listing, endpointBuffer.bytes) === 1)
				endpoints.push(readEndpoint(endpointBuffer));
			const found = readName(nameBuffer, endpoints);
			if (accept(found, remove)) accepted.push(found);
		}
	} finally {
		symbols.ipc_list_close(listing);
	}
}

/** What the library removes if it is not in use. */
const REMOVABLE: ReadonlySet<string> = new Set(["leftover", "unfinished", "other-version"]);

/** `list`, `clearLeftovers`, `otherKind` and `countReceivers` of the native engine. */
export const openNativeLists = (
	library: () => NativeLibrary,
): Pick<Engine, "list" | "clearLeftovers" | "otherKind" | "countReceivers"> => ({
	countReceivers(kind, prefix, name) {
		const failure = new NativeFailure();
		const most = new Uint32Array(1);
		const { ipc_list_receivers } = library().symbols;
		const count = ipc_list_receivers(terminated(prefix), terminated(name), Kind[kind], most, failure.bytes);
		if (count < 0) throw openFailure(failure, kind, prefix, name);
		return { count, most: most[0] as number };
	},
	otherKind(kind, prefix, name) {
		const { ipc_list_other_kind } = library().symbols;
		const pid = new Uint32Array(1);
		const other = kindName(ipc_list_other_kind(terminated(prefix), terminated(name), Kind[kind], pid));
		return other && { kind: other, pid: pid[0] as number };
	},
	list: (prefix) => collect(library, prefix, () => true),
	clearLeftovers(prefix, keepsLocked, filter) {
		const how = keepsLocked ? "ipc_list_remove_unneeded" : "ipc_list_remove";
		const removed = collect(
			library,
			prefix,
			(name, remove) => REMOVABLE.has(name.state) && filter(name) && remove(how),
		);
		library().symbols.ipc_clear_dead_processes();
		return removed;
	},
});
