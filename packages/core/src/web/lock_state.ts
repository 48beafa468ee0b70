import { IpcError } from "@libipc/protocol";

/** `exclusive`: nobody else holds the lock. `shared`: others may hold it in the mode `shared`. */
export type LockMode = "exclusive" | "shared";

/** A request for a lock, or a lock that was granted. */
export interface LockEntry {
	/** The number of the request, of its client. */
	readonly request: number;
	/** The number of the client's sender: no other client gets it while the state exists. */
	readonly peer: number;
	/** What `query` shows. */
	readonly clientId: string;
	readonly name: string;
	readonly mode: LockMode;
}

/** All locks and requests of all processes: the held ones as they were granted, the pending ones as they were made. */
export interface LockState {
	held: LockEntry[];
	pending: LockEntry[];
}

/** Is raised with every change of how the state is written. */
const FORMAT = 1;

/** In memory, an entry is its fields without their names. */
type Row = readonly [request: number, peer: number, clientId: string, name: string, isShared: 0 | 1];

const rowOf = ({ request, peer, clientId, name, mode }: LockEntry): Row => [
	...([request, peer, clientId, name] as const),
	mode === "shared" ? 1 : 0,
];

export function writeState({ held, pending }: LockState): string {
	return held.length + pending.length === 0 ? "" : JSON.stringify([FORMAT, held.map(rowOf), pending.map(rowOf)]);
}

const corrupt = (what: string): IpcError =>
	new IpcError("ERR_IPC_CORRUPT", "", `The shared state of the web locks is damaged: ${what}.`);

function entryOf(row: unknown): LockEntry {
	if (!Array.isArray(row) || row.length !== 5) throw corrupt("an entry is incomplete");
	const [request, peer, clientId, name, isShared] = row as unknown[];
	if (typeof request !== "number" || typeof peer !== "number") throw corrupt("a number is missing");
	if (typeof clientId !== "string" || typeof name !== "string") throw corrupt("a name is missing");
	return { request, peer, clientId, name, mode: isShared === 1 ? "shared" : "exclusive" };
}

export function readState(text: string): LockState {
	if (text === "") return { held: [], pending: [] };
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		throw corrupt("it cannot be parsed");
	}
	if (!Array.isArray(value)) throw corrupt("it is no list");
	const [format, held, pending] = value as unknown[];
	if (format !== FORMAT)
		throw new IpcError(
			"ERR_IPC_VERSION",
			"",
			"Another version of libipc manages the web locks of this prefix. Update the processes that use them together.",
		);
	if (!Array.isArray(held) || !Array.isArray(pending)) throw corrupt("a list is missing");
	return { held: held.map(entryOf), pending: pending.map(entryOf) };
}

/** Whether a lock can be granted beside those that are held: {@link isFree} of its name. */
interface Holding {
	exclusive: boolean;
	shared: boolean;
}

function holdings(held: readonly LockEntry[]): Map<string, Holding> {
	const byName = new Map<string, Holding>();
	for (const { name, mode } of held) {
		const holding = byName.get(name) ?? { exclusive: false, shared: false };
		holding[mode] = true;
		byName.set(name, holding);
	}
	return byName;
}

const isFree = (holding: Holding | undefined, mode: LockMode): boolean =>
	!holding || (mode === "shared" && !holding.exclusive);

/** Whether a request would be granted at once: no earlier request waits for the name, and no held lock excludes it. */
export function isGrantable({ held, pending }: LockState, { name, mode }: LockEntry): boolean {
	if (pending.some((each) => each.name === name)) return false;
	return isFree(holdings(held.filter((each) => each.name === name)).get(name), mode);
}

/** Grants what can be granted, in the order of the requests: of each name, none before an earlier one. Returns what it has granted. */
export function grant(state: LockState): LockEntry[] {
	if (state.pending.length === 0) return [];
	const byName = holdings(state.held);
	const blocked = new Set<string>();
	const granted: LockEntry[] = [];
	const waiting: LockEntry[] = [];
	for (const entry of state.pending) {
		const { name, mode } = entry;
		if (blocked.has(name) || !isFree(byName.get(name), mode)) {
			blocked.add(name);
			waiting.push(entry);
			continue;
		}
		const holding = byName.get(name) ?? { exclusive: false, shared: false };
		holding[mode] = true;
		byName.set(name, holding);
		granted.push(entry);
	}
	state.pending = waiting;
	state.held.push(...granted);
	return granted;
}
