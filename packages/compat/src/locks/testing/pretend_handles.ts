import { type EngineWaker, type HandleKind, Status } from "@libipc/protocol";
import type { NameOptions } from "../../sab/name_options.ts";
import { openAsHandle } from "../../sab/open_segment.ts";
import { extendMemory } from "../../sab/reserve.ts";
import { noOptions } from "../../sab/testing/pretend.ts";
import type { Threads } from "../../sab/threads.ts";
import type { Segment } from "../../segment/segment.ts";
import { SegmentCondition } from "../condition.ts";
import { SegmentLatest } from "../latest.ts";
import { SegmentMemory } from "../memory.ts";
import { SegmentMutex } from "../mutex.ts";
import { SegmentRwLock } from "../rwlock.ts";
import { SegmentSemaphore } from "../semaphore.ts";
import { SegmentSignal } from "../signal.ts";

/** Handles of threads that are none, each of the one name that its kind has: for tests. */

export const PERMITS = 3;

type HandleClass<Handle> = new (segment: Segment, at: number, instance: number, leave: () => void) => Handle;

function open<Handle>(
	thread: Threads,
	kind: HandleKind,
	Class: HandleClass<Handle>,
	options: Partial<NameOptions> = {},
): Handle {
	const { segment, at, instance, leave } = openAsHandle(thread, kind, "", "name", { ...noOptions, ...options });
	return new Class(segment, at, instance, leave);
}

export const openMutex = (thread: Threads): SegmentMutex => open(thread, "mutex", SegmentMutex);
export const openRwLock = (thread: Threads): SegmentRwLock => open(thread, "rwlock", SegmentRwLock);
export const openCondition = (thread: Threads): SegmentCondition => open(thread, "condition", SegmentCondition);
export const openSemaphore = (thread: Threads, robust: boolean): SegmentSemaphore =>
	open(thread, "semaphore", SegmentSemaphore, { initial: 1 + PERMITS, robust: robust ? 1 : 2 });

export const openLatest = (thread: Threads): SegmentLatest => open(thread, "latest", SegmentLatest, { size: 100 });

export const openSignal = (thread: Threads): SegmentSignal => open(thread, "signal", SegmentSignal);

export function openMemory(thread: Threads): SegmentMemory {
	const { segment, at, instance, leave } = openAsHandle(thread, "memory", "", "name", { ...noOptions, size: 4096 });
	return new SegmentMemory(segment, at, instance, leave, {
		prefix: "",
		name: "name",
		reserve: (before, byteLength) => (extendMemory(thread, segment, before, byteLength) ? 0 : Status.noSpace),
		retain: () => {},
		noSpace: () => new Error("no space"),
	});
}

export const wakerOf = (thread: Threads): EngineWaker => ({
	low: thread.slot,
	high: thread.instance,
	keepAlive() {},
	close() {},
});
