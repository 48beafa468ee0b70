import { closeSync, fstatSync, ftruncateSync, openSync, statSync, unlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Engine, type EngineHandleOptions, type HandleKind, header, Kind, Status } from "@libipc/protocol";
import { nativeEngine } from "../../../core/src/bun/engine.ts";
import { library } from "../../../core/src/bun/library.ts";
import { SegmentCondition } from "../locks/condition.ts";
import { SegmentLatest } from "../locks/latest.ts";
import { SegmentMemory } from "../locks/memory.ts";
import { SegmentMutex } from "../locks/mutex.ts";
import { SegmentRwLock } from "../locks/rwlock.ts";
import { SegmentSemaphore } from "../locks/semaphore.ts";
import { SegmentSignal } from "../locks/signal.ts";
import { openReceiverView, openSenderView, openSuccessorView } from "../node/open_binding_view.ts";
import { otherQueueOptions } from "../ring/letters.ts";
import { SegmentReceiver } from "../ring/receiver.ts";
import { SegmentSender } from "../ring/sender.ts";
import type { Platform } from "../segment/platform.ts";
import { Segment } from "../segment/segment.ts";
import { instanceAt, joinHandle, leaveSlot } from "../segment/slots.ts";
import { futexWait, futexWakeAll, mapFile, signalSocket, tryLockFile, unlockFile } from "./libc.ts";

function ownerSelf(): Platform["self"] {
	const owner = new Uint32Array(4);
	library().symbols.ipc_owner_self(owner);
	const [low = 0, high = 0, thread = 0, pidNamespace = 0] = new Int32Array(owner.buffer);
	return { low, high, thread, pidNamespace };
}

/** The platform of the TypeScript engine in the memory of the native one, to test that they share memory. One for each file. */
class MappedPlatform implements Platform {
	readonly self: Platform["self"] = ownerSelf();
	readonly pid = process.pid;
	readonly processors = availableParallelism();
	readonly #path: string;
	readonly #fd: number;
	readonly #inode: number;

	constructor(path: string, fd: number) {
		this.#path = path;
		this.#fd = fd;
		this.#inode = fstatSync(fd).ino;
	}

	now(): number {
		return performance.now();
	}

	monotonicMs(): number {
		return Math.floor(library().symbols.ipc_now_ns() / 1e6);
	}

	wait(words: Int32Array, index: number, expected: number, milliseconds: number): boolean {
		futexWait(words, index, expected, milliseconds);
		return false;
	}

	wakeAll(words: Int32Array, index: number): void {
		futexWakeAll(words, index);
	}

	signal(low: number, high: number): void {
		signalSocket(low, high);
	}

	/** All processes of the tests run as one user. */
	admitTo(): void {}

	isAlive(low: number, high: number, pid: number, pidNamespace: number): boolean {
		return library().symbols.ipc_owner_runs(low >>> 0, high >>> 0, pid >>> 0, pidNamespace >>> 0) !== 0;
	}

	isNamed(): boolean {
		return statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
	}

	lock(_segment: Segment, patience: number): number {
		const deadline = this.now() + patience;
		while (!tryLockFile(this.#fd)) {
			if (this.now() >= deadline) return Status.busy;
			Bun.sleepSync(0.1);
		}
		if (this.isNamed()) return 0;
		unlockFile(this.#fd);
		return Status.orphaned;
	}

	unlock(): void {
		unlockFile(this.#fd);
	}

	unlink(): void {
		if (this.isNamed()) unlinkSync(this.#path);
	}

	retain(): void {}
}

/** Addresses behind shared memory, so that it stays in the same buffer when it has grown. */
const ROOM = 1 << 20;

/** Takes a slot on a name that exists. */
function open(kind: HandleKind, prefix: string, name: string, notifyOnly = false) {
	const path = `/dev/shm/libipc.${kind}.${Buffer.byteLength(prefix)}.${prefix}.${name}`;
	const fd = openSync(path, "r+");
	const buffer = mapFile(fd, fstatSync(fd).size + (kind === "memory" ? ROOM : 0));
	const words = new Int32Array(buffer, 0, 64);
	const word = (offset: number): number => words[offset >> 2] as number;
	const platform = new MappedPlatform(path, fd);
	const segment = new Segment(platform, buffer, 0, buffer.byteLength, {
		kind: Kind[kind],
		overflow: word(header.overflow),
		capacity: word(header.capacity),
		maxReceivers: word(header.maxReceivers),
		initial: word(header.initial),
		robust: word(header.robust) !== 0,
	});
	const locked = platform.lock(segment, 1000);
	if (locked !== 0) throw new Error(`${path} cannot be locked: ${locked}`);
	const at = joinHandle(segment, notifyOnly);
	platform.unlock();
	if (at < 0) throw new Error(`${path} cannot be joined: ${at}`);
	const instance = instanceAt(segment, at);
	const leave = (): void => {
		leaveSlot(segment, at, instance);
		closeSync(fd);
	};
	return { segment, at, instance, leave, fd };
}

const HANDLES = {
	mutex: nativeEngine.openMutex,
	condition: nativeEngine.openCondition,
	semaphore: nativeEngine.openSemaphore,
	rwlock: nativeEngine.openRwLock,
	signal: nativeEngine.openSignal,
	latest: nativeEngine.openLatest,
} as const;

type HandleClass<Handle> = new (segment: Segment, at: number, instance: number, leave: () => void) => Handle;

/** The native engine creates the name if it does not exist, and then TypeScript joins it. */
const opener =
	<Handle>(kind: keyof typeof HANDLES, Class: HandleClass<Handle>) =>
	(prefix: string, name: string, options: EngineHandleOptions): Handle => {
		const maker = HANDLES[kind](prefix, name, options);
		try {
			const { segment, at, instance, leave } = open(kind, prefix, name, options.notifyOnly);
			return new Class(segment, at, instance, leave);
		} finally {
			maker.close();
		}
	};

function openMemory(prefix: string, name: string, options: EngineHandleOptions): SegmentMemory {
	const maker = nativeEngine.openMemory(prefix, name, options);
	try {
		const { segment, at, instance, leave, fd } = open("memory", prefix, name);
		return new SegmentMemory(segment, at, instance, leave, {
			prefix,
			name,
			reserve(_before, byteLength) {
				ftruncateSync(fd, segment.body + byteLength);
				return 0;
			},
			retain: () => {},
			noSpace: (byteLength) => new Error(`there is no room for ${byteLength} bytes`),
		});
	} finally {
		maker.close();
	}
}

/** The TypeScript engine in shared memory, beside the native one: rings as in Node, handles on the files of the native engine. */
export const mappedEngine: Engine = {
	...nativeEngine,

	openSender: (...name) => {
		const { segment, at, instance, leave } = openSenderView(library(), ...name);
		return new SegmentSender(segment, at, instance, leave);
	},

	openSuccessor: (...name) => {
		const { segment, at, instance, leave } = openSuccessorView(library(), "route", ...name);
		return new SegmentSender(segment, at, instance, leave);
	},

	openReceiver: (kind, prefix, name, options) => {
		const { segment, at, instance, leave } = openReceiverView(library(), kind, prefix, name, options);
		const queues = {
			name,
			open: (other: string, ...how: [mode: number, capacity: number, stamp: number]) =>
				openSenderView(library(), "queue", prefix, other, otherQueueOptions(options, ...how)),
		};
		try {
			return new SegmentReceiver(segment, at, instance, options.fromOldest, leave, queues);
		} catch (error) {
			leave();
			throw error;
		}
	},

	openMutex: opener("mutex", SegmentMutex),
	openCondition: opener("condition", SegmentCondition),
	openSemaphore: opener("semaphore", SegmentSemaphore),
	openRwLock: opener("rwlock", SegmentRwLock),
	openLatest: opener("latest", SegmentLatest),
	openMemory,
	openSignal: opener("signal", SegmentSignal),
};
