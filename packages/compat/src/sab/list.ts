import {
	BUFFER_BITS,
	BUFFERS_MORE,
	buffer,
	bufferStride,
	confusableWith,
	type Engine,
	HEADER_BYTES,
	headerLong,
	headerWord,
	IpcError,
	Kind,
	type ListedName,
	type ListedState,
	limits,
	type ReceiversOfName,
	SLOT_WORDS,
	Status,
	segmentBytes,
	TRUNCATED,
	WAIT_WORDS,
} from "@libipc/protocol";
import { Segment } from "../segment/segment.ts";
import { endpointsOf } from "./list_endpoint.ts";
import { describeSegment, nameOf, nothing } from "./list_segment.ts";
import { listedLeases } from "./listed_leases.ts";
import { entriesUsed, type Leases, unknownLeases } from "./listing.ts";
import { findBlock, type Key, keyIn, keyOf } from "./name_table.ts";
import { removeLeftover, segmentIn } from "./names.ts";
import { type Threads, threads } from "./threads.ts";

/** Lists the names in the hub: `native/src/list.c`. It reads copies, made under the lock of names, one name at a time. */

/** How long a list waits for that lock. Milliseconds. */
const PATIENCE = 1000;

const decoder = new TextDecoder();

/** As large as header and tables can be. */
const newScratch = (): ArrayBuffer => new ArrayBuffer(segmentBytes(Kind.memory, 0, limits.maxReceivers).total);

/** A copy of a segment's header and tables, as far as they have been used. No thread changes it. */
function copyOf(segment: Segment, scratch: ArrayBuffer): Segment {
	const { platform, words, receivers, senders, waits, body } = segment;
	const copy = new Segment(platform, scratch, 0, body, segment);
	const add = (first: number, count: number): void => copy.words.set(words.subarray(first, first + count), first);
	// The header first: its numbers of used entries then say how much of the copy is valid.
	add(0, HEADER_BYTES >> 2);
	add(receivers, entriesUsed(copy, headerWord.receiverSlotsUsed, segment.maxReceivers) * SLOT_WORDS);
	add(senders, entriesUsed(copy, headerWord.senderSlotsUsed, segment.maxSenders) * SLOT_WORDS);
	add(waits, entriesUsed(copy, headerWord.waitEntriesUsed, segment.maxWaits) * WAIT_WORDS);
	return copy;
}

/** The length of a latest value; 0 if it was never set, is set at this moment, or is damaged. Under the lock. */
function valueLengthOf(here: Threads, key: Key): number {
	const unit = key.kind === Kind.latest ? findBlock(here.blocks, key) : 0;
	const segment = unit === 0 ? undefined : segmentIn(here, unit);
	if (!(segment instanceof Segment)) return 0;
	const { words, longs, body, capacity, maxReceivers } = segment;
	const current = Atomics.load(longs, headerLong.current);
	const index = Number(current & BigInt(2 ** BUFFER_BITS - 1));
	if (current === 0n || index >= maxReceivers + BUFFERS_MORE) return 0;
	const at = body + index * bufferStride(capacity);
	const length = (words[(at + buffer.length) >> 2] as number) >>> 0;
	return Atomics.load(longs, at >> 3) === BigInt.asUintN(64, current) >> BigInt(BUFFER_BITS) && length <= capacity
		? length
		: 0;
}

const stateOf = (code: number): ListedState =>
	code === Status.foreign ? "foreign" : code === Status.version ? "other-version" : "damaged";

function underLock<Answer>(here: Threads, action: () => Answer): Answer {
	if (!here.lockNames(PATIENCE))
		throw new IpcError(
			"ERR_IPC_BUSY",
			"",
			"Names could not be listed within 1 s: a thread that is opening or closing a name seems to be stopped. Let it continue, or end it.",
		);
	try {
		return action();
	} finally {
		here.unlockNames();
	}
}

/** A copy of the segment of a name, or what is wrong with it; `undefined`: the name does not exist. Under the lock. */
function copyOfName(here: Threads, key: Key, scratch: () => ArrayBuffer) {
	const unit = findBlock(here.blocks, key);
	const segment = unit === 0 ? undefined : segmentIn(here, unit);
	return segment instanceof Segment ? copyOf(segment, scratch()) : segment;
}

/** The leases of a queue whose header was copied. Under the lock. */
function leasesOf(here: Threads, key: Key, copy: ReturnType<typeof copyOfName>): Leases {
	if (!(copy instanceof Segment) || copy.kind !== Kind.queue) return unknownLeases;
	const segment = segmentIn(here, findBlock(here.blocks, key));
	return segment instanceof Segment ? listedLeases(copy, segment) : unknownLeases;
}

/** The name as it is now; `undefined`: it does not exist any more. */
function describeName(here: Threads, key: Key, scratch: ArrayBuffer): ListedName | undefined {
	const [found, valueLength, leases] = underLock(here, () => {
		const copy = copyOfName(here, key, () => scratch);
		return [copy, valueLengthOf(here, key), leasesOf(here, key, copy)] as const;
	});
	if (found === undefined) return undefined;
	// Only after the lock is free again the system is asked which threads live.
	if (found instanceof Segment && found.words[headerWord.orphaned] !== TRUNCATED)
		return describeSegment(key, found, valueLength, leases);
	const state = found instanceof Segment ? "damaged" : stateOf(found.code);
	return { ...nameOf(key), ...nothing, state, byteLength: 0 };
}

/** The names of a prefix, or all names, that `accept` accepts. */
function collect(
	prefix: string | undefined,
	accept: (here: Threads, key: Key, name: ListedName) => boolean,
): ListedName[] {
	const here = threads();
	const keys = underLock(here, () => [...here.blocks.used()].map((unit) => keyIn(here.blocks, unit)));
	const scratch = newScratch();
	const accepted = new Map<string, ListedName>();
	for (const key of keys) {
		if (prefix !== undefined && decoder.decode(key.prefix) !== prefix) continue;
		// A block that has lost its name, or has none yet, has a key that belongs to another block, or to none.
		const name = describeName(here, key, scratch);
		if (!name) continue;
		const id = JSON.stringify([name.kind, name.prefix, name.name]);
		if (!accepted.has(id) && accept(here, key, name)) accepted.set(id, name);
	}
	return [...accepted.values()];
}

/** A live name of one of the kinds that this one is easily taken for; each is looked up under the lock. */
function otherKind(...[kind, prefix, name]: Parameters<Engine["otherKind"]>): ReturnType<Engine["otherKind"]> {
	const here = threads();
	for (const other of confusableWith(kind)) {
		const key = keyOf(Kind[other], prefix, name);
		// The open that asks has succeeded, and must not fail here.
		if (!here.lockNames(PATIENCE)) return undefined;
		try {
			const found = copyOfName(here, key, newScratch);
			const alive = found instanceof Segment ? endpointsOf(found).find((each) => each.alive) : undefined;
			if (alive) return { kind: other, pid: alive.pid };
		} finally {
			here.unlockNames();
		}
	}
	return undefined;
}

/** The live receivers of a name, without observers; it is read under the lock. A name that is damaged has none. */
function countReceivers(...[kind, prefix, name]: Parameters<Engine["countReceivers"]>): ReceiversOfName {
	const here = threads();
	const key = keyOf(Kind[kind], prefix, name);
	const found = underLock(here, () => copyOfName(here, key, newScratch));
	if (!(found instanceof Segment)) return { count: 0, most: 0 };
	const alive = endpointsOf(found).filter((each) => each.alive);
	const receivers = alive.filter(({ role, observer }) => role === "receiver" && !observer);
	return { count: receivers.length, most: alive.length > 0 ? found.maxReceivers : 0 };
}

/** `list`, `clearLeftovers`, `otherKind` and `countReceivers` for the names that the threads of this process share. */
export const sabLists: Pick<Engine, "list" | "clearLeftovers" | "otherKind" | "countReceivers"> = {
	otherKind,
	countReceivers,
	list: (prefix) => collect(prefix, () => true),
	clearLeftovers: (prefix, keepsLocked, filter) =>
		collect(
			prefix,
			(here, key, name) =>
				name.state === "leftover" && filter(name) && underLock(here, () => removeLeftover(here, key, keepsLocked)),
		),
};
