import { describe, type OpenFailure, openFailure } from "@libipc/core/api";
import { type EndpointKind, type HandleKind, headerWord, IpcError, Kind, Status } from "@libipc/protocol";
import { claimTakeOver } from "../segment/claim_lock.ts";
import { setCodec } from "../segment/codec.ts";
import { setDeadLetter } from "../segment/dead_letter.ts";
import { keep } from "../segment/kept.ts";
import { Segment } from "../segment/segment.ts";
import {
	instanceAt,
	joinHandle,
	joinReceiver,
	joinSender,
	leaveSlot,
	presentSender,
	withdraw,
} from "../segment/slots.ts";
import type { OpenSegment } from "../segment_endpoint.ts";
import { failed, type NameOptions } from "./name_options.ts";
import { type Key, keyOf } from "./name_table.ts";
import { clearName, IN_OTHER_PROCESS, openName } from "./names.ts";
import { otherProcessError } from "./other_process_error.ts";
import { usage } from "./reserve.ts";
import { type Threads, unitOf } from "./threads.ts";

/** How long an open waits for the lock of names: its holders need microseconds. Milliseconds. */
const OPEN_PATIENCE = 5000;

/** Takes a slot: its first word, or a failure. Under the lock. */
type Join = (segment: Segment) => number | OpenFailure;

/** `mayWait`: of a route that has another sender, too. That sender keeps the claim. */
const joinedSender =
	(mayWait: boolean): Join =>
	(segment) => {
		const at = joinSender(segment);
		if (at < 0) return failed(at, 0, segment.maxSenders);
		// The sender of a route has the claim as long as it is open. This makes it the only one.
		if (segment.kind !== Kind.route || claimTakeOver(segment, headerWord.claim, instanceAt(segment, at))) return at;
		if (mayWait) return at;
		const { pid, isHere } = presentSender(segment);
		withdraw(segment, at);
		return { ...failed(Status.hasSender, isHere ? 1 : 0), pid };
	};

const joinedReceiver =
	(fromOldest: boolean, isObserver: boolean): Join =>
	(segment) => {
		const at = joinReceiver(segment, fromOldest, isObserver);
		return at < 0 ? failed(at, 0, segment.maxReceivers) : at;
	};

const joinedHandle =
	(isObserver: boolean): Join =>
	(segment) => {
		const at = joinHandle(segment, isObserver);
		return at < 0 ? failed(at, 0, segment.maxReceivers) : at;
	};

/** Less is reserved only where a process may not have more addresses. */
const LEAST_USUAL = 2 ** 32;

const whyLess = (most: number): string =>
	most < LEAST_USUAL
		? " It is so little because this process may not have more addresses: allow it more (ulimit -v)."
		: "";

const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

function noSpaceError(threads: Threads, what: string, name: string, wanted: number): IpcError {
	const { used, most } = usage(threads);
	return new IpcError(
		"ERR_IPC_NO_SPACE",
		name,
		`There is no room for ${what}, which needs ${wanted} bytes in one piece: of the ${mib(most)} that the threads of a process can share, ${mib(used)} are in use. Choose a smaller capacity or size, or close other names.${whyLess(most)}`,
	);
}

/** The error of shared memory that cannot grow to so many bytes. */
export function growError(threads: Threads, prefix: string, name: string, byteLength: number): IpcError {
	const what = describe("memory", prefix, name);
	const { used, most } = usage(threads);
	return new IpcError(
		"ERR_IPC_NO_SPACE",
		name,
		`${what} cannot grow to ${byteLength} bytes where it is: other names lie behind it, or the memory is full (of ${mib(most)} that the threads of a process can share, ${mib(used)} are taken). Create it as large as it will be, or open a larger one under another name and copy.${whyLess(most)}`,
	);
}

function errorOf(
	threads: Threads,
	failure: OpenFailure,
	kind: EndpointKind | HandleKind,
	prefix: string,
	name: string,
	codec: string,
) {
	const what = describe(kind, prefix, name);
	if (failure.code === IN_OTHER_PROCESS) return otherProcessError(what, name, failure.found);
	if (failure.code === Status.noSpace) return noSpaceError(threads, what, name, failure.wanted);
	if (failure.code === Status.busy)
		return new IpcError(
			"ERR_IPC_BUSY",
			name,
			`${what} could not be opened within 5 s: another thread that is opening or closing a name seems to be stopped. Let it continue, or end it.`,
		);
	return openFailure(failure, kind, prefix, name, "open", codec);
}

function tryOpen(threads: Threads, key: Key, options: NameOptions, join: Join): OpenSegment | OpenFailure {
	if (!threads.lockNames(OPEN_PATIENCE)) return failed(Status.busy);
	try {
		const segment = openName(threads, key, options);
		if (!(segment instanceof Segment)) return segment;
		const at = join(segment);
		if (typeof at !== "number") return at;
		setCodec(segment, options.codec);
		if (options.keep === 1) keep(segment);
		setDeadLetter(segment, options.deadLetter, options.maxAttempts);
		const instance = instanceAt(segment, at);
		const unit = unitOf(segment);
		threads.hold(unit);
		const leave = (): void => {
			leaveSlot(segment, at, instance);
			threads.releaseHold(unit);
		};
		return { segment, at, instance, leave };
	} finally {
		// An exception (no memory) must not leave the lock taken. A thread that is terminated does not get here.
		threads.unlockNames();
	}
}

function open(
	threads: Threads,
	kind: EndpointKind | HandleKind,
	prefix: string,
	name: string,
	options: NameOptions,
	join: Join,
): OpenSegment {
	const opened = tryOpen(threads, keyOf(Kind[kind], prefix, name), options, join);
	if ("code" in opened) throw errorOf(threads, opened, kind, prefix, name, options.codec);
	return opened;
}

/** Opens or creates a name, and takes a sender's slot on it. */
export const openAsSender = (
	threads: Threads,
	kind: EndpointKind,
	prefix: string,
	name: string,
	options: NameOptions,
): OpenSegment => open(threads, kind, prefix, name, options, joinedSender(false));

/** The same for a sender of a route that may have another one. */
export const openAsSuccessor = (threads: Threads, prefix: string, name: string, options: NameOptions): OpenSegment =>
	open(threads, "route", prefix, name, options, joinedSender(true));

export const openAsReceiver = (
	threads: Threads,
	kind: EndpointKind,
	prefix: string,
	name: string,
	options: NameOptions,
	fromOldest: boolean,
	isObserver = false,
): OpenSegment => open(threads, kind, prefix, name, options, joinedReceiver(fromOldest, isObserver));

export const openAsHandle = (
	threads: Threads,
	kind: HandleKind,
	prefix: string,
	name: string,
	options: NameOptions,
): OpenSegment => open(threads, kind, prefix, name, options, joinedHandle(options.notifyOnly ?? false));

/** Removes a name; its endpoints are orphaned. */
export function clearSegment(threads: Threads, kind: EndpointKind | HandleKind, prefix: string, name: string): void {
	if (!threads.lockNames(OPEN_PATIENCE)) throw errorOf(threads, failed(Status.busy), kind, prefix, name, "");
	try {
		clearName(threads, keyOf(Kind[kind], prefix, name));
	} finally {
		threads.unlockNames();
	}
}
