import {
	abi,
	type Engine,
	type EngineHandleOptions,
	type EngineOptions,
	type HandleKind,
	Status,
} from "@libipc/protocol";
import { engineChoice } from "../engine_choice.ts";
import { SegmentCondition } from "../locks/condition.ts";
import { abandonHandle, type HandleClass, type SegmentHandle } from "../locks/handle.ts";
import { SegmentLatest } from "../locks/latest.ts";
import { type MemoryKeeper, SegmentMemory } from "../locks/memory.ts";
import { SegmentMutex } from "../locks/mutex.ts";
import { SegmentRwLock } from "../locks/rwlock.ts";
import { SegmentSemaphore } from "../locks/semaphore.ts";
import { SegmentSignal } from "../locks/signal.ts";
import { otherQueueOptions } from "../ring/letters.ts";
import { abandonReceiver, SegmentReceiver } from "../ring/receiver.ts";
import { abandonSender, SegmentSender } from "../ring/sender.ts";
import { leaveAll } from "../segment/waits.ts";
import { endpointOf, type OpenSegment } from "../segment_endpoint.ts";
import { monotonicNs } from "./clock.ts";
import { sabLists } from "./list.ts";
import type { NameOptions } from "./name_options.ts";
import {
	clearSegment,
	growError,
	openAsHandle,
	openAsReceiver,
	openAsSender,
	openAsSuccessor,
} from "./open_segment.ts";
import { extendMemory } from "./reserve.ts";
import { threads } from "./threads.ts";
import { ThreadWaker } from "./waker.ts";

const ofHandle = ({ maxHandles, codec, keep, ...options }: EngineHandleOptions): NameOptions => ({
	...options,
	keep: keep ?? 0,
	capacity: 0,
	maxReceivers: maxHandles,
	overflow: 0,
	firstPosition: 0,
	codec: codec ?? "",
	stamp: abi.StampOption.none,
	maxAttempts: 0,
	deadLetter: "",
});

const ofRing = ({
	capacity,
	maxReceivers,
	permissions,
	overflow,
	firstPosition,
	codec,
	stamp,
	maxAttempts,
	deadLetter,
}: EngineOptions): NameOptions => ({
	capacity,
	maxReceivers,
	permissions,
	overflow,
	firstPosition,
	codec,
	stamp: stamp ?? abi.StampOption.none,
	maxAttempts: maxAttempts ?? 0,
	deadLetter: deadLetter ?? "",
	mode: 0,
	initial: 0,
	robust: 0,
	size: 0,
	keep: 0,
});

const opener =
	<Handle extends SegmentHandle>(kind: HandleKind, Class: HandleClass<Handle>) =>
	(prefix: string, name: string, options: EngineHandleOptions): Handle =>
		endpointOf(
			openAsHandle(threads(), kind, prefix, name, ofHandle(options)),
			({ segment, at, instance }, leave) => new Class(segment, at, instance, leave),
			(opened) => abandonHandle(Class, opened),
		);

function openMemory(prefix: string, name: string, options: EngineHandleOptions): SegmentMemory {
	const here = threads();
	return endpointOf(
		openAsHandle(here, "memory", prefix, name, ofHandle(options)),
		({ segment, at, instance }, leave) => {
			const keeper: MemoryKeeper = {
				prefix,
				name,
				reserve: (before, byteLength) => (extendMemory(here, segment, before, byteLength) ? 0 : Status.noSpace),
				retain: (view) => here.retain(segment, view),
				noSpace: (byteLength) => growError(here, prefix, name, byteLength),
			};
			return new SegmentMemory(segment, at, instance, leave, keeper);
		},
		({ segment, instance }) => leaveAll(segment, instance),
	);
}

const senderOf = (opened: OpenSegment): SegmentSender =>
	endpointOf(
		opened,
		({ segment, at, instance }, leave) => new SegmentSender(segment, at, instance, leave),
		({ segment, instance }) => abandonSender(segment, instance),
	);

/** Messages between the threads of a process, through the hub. */
export const sabEngine: Engine = {
	openSender: (kind, prefix, name, options) => senderOf(openAsSender(threads(), kind, prefix, name, ofRing(options))),
	openSuccessor: (prefix, name, options) => senderOf(openAsSuccessor(threads(), prefix, name, ofRing(options))),
	openReceiver: (kind, prefix, name, options) =>
		endpointOf(
			openAsReceiver(threads(), kind, prefix, name, ofRing(options), options.fromOldest, options.lossy),
			({ segment, at, instance }, leave) =>
				new SegmentReceiver(segment, at, instance, options.fromOldest, leave, {
					name,
					open: (other, mode, capacity, stamp) => {
						const its = { ...ofRing(otherQueueOptions(options, mode, capacity, stamp)), mode };
						return openAsSender(threads(), "queue", prefix, other, its);
					},
				}),
			abandonReceiver,
		),
	openMutex: opener("mutex", SegmentMutex),
	openCondition: opener("condition", SegmentCondition),
	openSemaphore: opener("semaphore", SegmentSemaphore),
	openRwLock: opener("rwlock", SegmentRwLock),
	openMemory,
	openSignal: opener("signal", SegmentSignal),
	openLatest: opener("latest", SegmentLatest),
	keptBytes: () => threads().keptBytes(),
	clear: (kind, prefix, name) => clearSegment(threads(), kind, prefix, name),
	...sabLists,
	info: () => ({ name: "sab", reason: engineChoice().whyNotNative, directory: "" }),
	now: monotonicNs,
	openWaker: (signalled) => new ThreadWaker(threads(), signalled),
};
