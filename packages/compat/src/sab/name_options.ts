import type { OpenFailure } from "@libipc/core/api";
import { abi, hasRing, headerLong, headerWord, Kind, limits, OverflowKind, Status } from "@libipc/protocol";
import { codecOf, codecPid } from "../segment/codec.ts";
import { deadLetterOf, maxAttemptsOf } from "../segment/dead_letter.ts";
import { isStamped, type Segment, type SegmentFields } from "../segment/segment.ts";

const { Option } = abi;

/** `ipc_options`; 0: not given. */
export interface NameOptions {
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly permissions: number;
	readonly overflow: number;
	readonly firstPosition: number;
	readonly mode: number;
	/** 1 + the initial permits. */
	readonly initial: number;
	/** 1: yes, 2: no. */
	readonly robust: number;
	readonly size: number;
	/** Of a latest value: 1: yes. */
	readonly keep: number;
	/** The id of the endpoint's codec; `""`: it has none. */
	readonly codec: string;
	/** `StampOption`: whether the messages have stamps. */
	readonly stamp: number;
	/** Of a receiver of a queue. */
	readonly maxAttempts: number;
	readonly deadLetter: string;
	/** Of a Signal. */
	readonly notifyOnly?: boolean;
}

/** `ipc_mode`. */
export const MODE_CREATE = 1;
export const MODE_OPEN = 2;

const DEFAULT_CAPACITY = 2 ** 20;
const DEFAULT_VALUE = 2 ** 16;
const DEFAULT_RECEIVERS = 64;
const DEFAULT_PERMISSIONS = 0o600;
const OTHERS = 0o077;

/** An open that failed. */
export const failed = (code: number, found = 0, wanted = 0, option = 0): OpenFailure => ({
	code,
	systemError: 0,
	option,
	pid: 0,
	found,
	wanted,
});

/** The permissions that an open asks for. */
export const permissionsOf = (options: NameOptions): number => options.permissions || DEFAULT_PERMISSIONS;

function capacityFor(kind: number, options: NameOptions): number {
	if (kind === Kind.latest) return options.size || DEFAULT_VALUE;
	return hasRing(kind) ? options.capacity || DEFAULT_CAPACITY : 0;
}

/** What a segment gets that these options create. */
export function fieldsFor(kind: number, options: NameOptions): SegmentFields {
	return {
		kind,
		overflow: hasRing(kind) ? options.overflow || OverflowKind.block : 0,
		capacity: capacityFor(kind, options),
		maxReceivers: options.maxReceivers || DEFAULT_RECEIVERS,
		initial: options.initial ? options.initial - 1 : 1,
		robust: options.robust === 1,
	};
}

/** What differs, if anything. Called only if the name is in use: the options of a leftover do not matter. */
export function compareOptions(segment: Segment, options: NameOptions): OpenFailure | undefined {
	const mismatch = (option: number, found: number, wanted: number): OpenFailure =>
		failed(Status.optionsMismatch, found, wanted, option);
	const permissions = segment.words[headerWord.permissions] as number;
	if (options.capacity && options.capacity !== segment.capacity)
		return mismatch(Option.capacity, segment.capacity, options.capacity);
	if (options.maxReceivers && options.maxReceivers !== segment.maxReceivers)
		return mismatch(Option.maxReceivers, segment.maxReceivers, options.maxReceivers);
	if (options.overflow && options.overflow !== segment.overflow)
		return mismatch(Option.overflow, segment.overflow, options.overflow);
	if (options.permissions && options.permissions !== permissions)
		return mismatch(Option.permissions, permissions, options.permissions);
	if ((permissions & OTHERS & ~permissionsOf(options)) !== 0)
		return failed(Status.permission, process.geteuid?.() ?? 0, permissions, Option.permissions);
	if (options.initial && options.initial - 1 !== segment.initial)
		return mismatch(Option.initial, segment.initial, options.initial - 1);
	if (options.robust && (options.robust === 1) !== segment.robust)
		return mismatch(Option.robust, segment.robust ? 1 : 0, options.robust === 1 ? 1 : 0);
	const { all, any } = abi.StampOption;
	const stamped = isStamped(segment);
	if (options.stamp !== any && (options.stamp === all) !== stamped)
		return mismatch(Option.stamp, stamped ? 1 : 0, options.stamp === all ? 1 : 0);
	const codec = options.codec === "" ? "" : codecOf(segment);
	if (codec === undefined) return failed(Status.corrupt);
	if (codec !== "" && codec !== options.codec)
		return { ...mismatch(Option.codec, 0, 0), pid: codecPid(segment), codec };
	const found = options.deadLetter === "" ? undefined : deadLetterOf(segment);
	if (found !== undefined && found !== options.deadLetter)
		return { ...mismatch(Option.deadLetter, 0, 0), deadLetter: found };
	const limit = maxAttemptsOf(segment);
	if (found !== undefined && options.maxAttempts && options.maxAttempts !== limit)
		return mismatch(Option.maxAttempts, limit, options.maxAttempts);
	if (segment.kind === Kind.latest && options.size && options.size !== segment.capacity)
		return mismatch(Option.size, segment.capacity, options.size);
	if (segment.kind !== Kind.memory) return undefined;
	const bytes = Number(Atomics.load(segment.longs, headerLong.memoryBytes));
	return bytes < options.size ? mismatch(Option.size, bytes, options.size) : undefined;
}

/** Checks the options, as far as the endpoints have not checked them. */
export function checkOptions(kind: number, options: NameOptions): OpenFailure | undefined {
	if (options.overflow === OverflowKind.dropOldest && kind === Kind.queue)
		return failed(Status.invalidArgument, options.overflow, 0, Option.overflow);
	const createsMemory = kind === Kind.memory && options.mode !== MODE_OPEN;
	const largest = kind === Kind.latest ? limits.maxValue : limits.maxMemory;
	if (options.size > largest || (options.size === 0 && createsMemory))
		return failed(Status.invalidArgument, options.size, largest, Option.size);
	if (options.permissions && (options.permissions > 0o777 || (options.permissions & 0o600) !== 0o600))
		return failed(Status.invalidArgument, options.permissions, 0o600);
	return undefined;
}

/** Whether a leftover is what these options would create. A semaphore that is opened without options is not robust, and has one permit. */
export function isAsWanted(leftover: Segment, options: NameOptions): boolean {
	const isSemaphore = leftover.kind === Kind.semaphore;
	if (isSemaphore && (options.robust !== 1 || leftover.initial !== (options.initial ? options.initial - 1 : 1)))
		return false;
	return compareOptions(leftover, options) === undefined;
}
