import type { HandleKind } from "@libipc/protocol";
import {
	type Engine,
	type EngineCondition,
	type EngineHandle,
	type EngineHandleOptions,
	type EngineLatest,
	type EngineMemory,
	type EngineMutex,
	type EngineRwLock,
	type EngineSemaphore,
	type EngineSignal,
	type EngineWaitTable,
	type EngineWaker,
	Status,
} from "@libipc/protocol";
import { openFailure } from "../check/open_failure.ts";
import { closeAtExit } from "../close_at_exit.ts";
import type { Address, Symbols } from "./declarations.ts";
import { NativeFailure } from "./failure.ts";
import { openDespiteKept } from "./kept.ts";
import { mapMemory, type NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, nativeHandleOptions, terminated, yieldToTermination } from "./options.ts";

const returnClosed = (): number => Status.closed;

/** What a handle calls after its native object was closed, as in engine.ts. */
const closedSymbols = {
	ipc_handle_count: returnClosed,
	ipc_handle_arm: returnClosed,
	ipc_handle_disarm: returnClosed,
	ipc_handle_armed: () => 0,
	ipc_handle_poll: returnClosed,
	ipc_handle_sleep: returnClosed,
	ipc_handle_leave: () => 0,
	ipc_mutex_lock: returnClosed,
	ipc_mutex_unlock: returnClosed,
	ipc_mutex_mark_unusable: returnClosed,
	ipc_mutex_is_held: () => 0,
	ipc_condition_enter: returnClosed,
	ipc_condition_notify: returnClosed,
	ipc_condition_notify_all: returnClosed,
	ipc_semaphore_permits: () => 0,
	ipc_semaphore_recovered: () => 0,
	ipc_rwlock_lock: returnClosed,
	ipc_rwlock_unlock: returnClosed,
	ipc_rwlock_lock_shared: returnClosed,
	ipc_rwlock_unlock_shared: returnClosed,
	ipc_rwlock_mark_unusable: returnClosed,
	ipc_rwlock_held: () => 0,
	ipc_memory_byte_length: returnClosed,
	ipc_memory_map: () => null,
	ipc_memory_grow: returnClosed,
	ipc_memory_unlink: returnClosed,
	ipc_memory_enter: returnClosed,
	ipc_memory_wake: returnClosed,
	ipc_latest_length: returnClosed,
	ipc_latest_version: returnClosed,
	ipc_latest_seen: returnClosed,
	ipc_latest_enter: returnClosed,
	ipc_latest_lock: returnClosed,
	ipc_latest_unlock: returnClosed,
} as const;

type HandleSymbols = {
	readonly [Name in keyof typeof closedSymbols]: (
		...args: Parameters<Symbols[Name]>
	) => ReturnType<Symbols[Name]> | ReturnType<(typeof closedSymbols)[Name]>;
};

/** The address of a handle that is closed: no handle has it. */
const CLOSED = 0 as unknown as Address;

class NativeHandle implements EngineHandle {
	protected symbols: HandleSymbols;
	/** {@link CLOSED} after a close. */
	protected handle: Address;
	readonly #close: () => void;

	constructor(library: NativeLibrary, handle: Address) {
		const { symbols } = library;
		this.symbols = symbols;
		this.handle = handle;
		this.#close = closeAtExit(this, () => symbols.ipc_handle_close(handle));
	}

	arm(wait: number, waker: EngineWaker): void {
		this.symbols.ipc_handle_arm(this.handle, wait, waker.low, waker.high);
	}

	disarm(wait: number): void {
		this.symbols.ipc_handle_disarm(this.handle, wait);
	}

	armed(): number {
		return this.symbols.ipc_handle_armed(this.handle);
	}

	poll(): boolean {
		this.symbols.ipc_handle_poll(this.handle);
		return true;
	}

	count(): number {
		return this.symbols.ipc_handle_count(this.handle);
	}

	close(): void {
		this.symbols = closedSymbols;
		this.handle = CLOSED;
		this.#close();
	}
}

class NativeMutex extends NativeHandle implements EngineMutex {
	lock(timeout: number): number {
		if (timeout >= 0) return this.symbols.ipc_mutex_lock(this.handle, timeout);
		let status: number;
		do status = this.symbols.ipc_mutex_lock(this.handle, LONGEST_CALL_MS);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	unlock(): number {
		return this.symbols.ipc_mutex_unlock(this.handle);
	}

	markUnusable(): number {
		return this.symbols.ipc_mutex_mark_unusable(this.handle);
	}

	isHeld(): boolean {
		return this.symbols.ipc_mutex_is_held(this.handle) !== 0;
	}
}

/** `ipc_rwlock_keep`. */
const KEEP_QUEUE_POSITION = 1;
const KEEP_FOR_TASK = 2;

class NativeRwLock extends NativeHandle implements EngineRwLock {
	lock(timeout: number, forTask: boolean): number {
		if (timeout >= 0) return this.symbols.ipc_rwlock_lock(this.handle, timeout, forTask ? KEEP_FOR_TASK : 0);
		let status: number;
		do status = this.symbols.ipc_rwlock_lock(this.handle, LONGEST_CALL_MS, KEEP_QUEUE_POSITION);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	unlock(): number {
		return this.symbols.ipc_rwlock_unlock(this.handle);
	}

	lockShared(timeout: number): number {
		if (timeout >= 0) return this.symbols.ipc_rwlock_lock_shared(this.handle, timeout);
		let status: number;
		do status = this.symbols.ipc_rwlock_lock_shared(this.handle, LONGEST_CALL_MS);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	unlockShared(): number {
		return this.symbols.ipc_rwlock_unlock_shared(this.handle);
	}

	markUnusable(): number {
		return this.symbols.ipc_rwlock_mark_unusable(this.handle);
	}

	held(): number {
		return this.symbols.ipc_rwlock_held(this.handle);
	}
}

type NativeClass<SomeHandle> = new (
	library: NativeLibrary,
	handle: Address,
	prefix: string,
	name: string,
) => SomeHandle;

/**
 * The class for one library. Its two frequent functions are constants of the class: to look them up in `symbols` takes 1 ns of the 9 that
 * a pair of calls takes in Bun. So these methods check for a closed handle themselves.
 */
function semaphoreClassOf({ symbols }: NativeLibrary): NativeClass<EngineSemaphore> {
	const { ipc_semaphore_acquire, ipc_semaphore_release } = symbols;
	return class NativeSemaphore extends NativeHandle implements EngineSemaphore {
		acquire(timeout: number): number {
			const { handle } = this;
			if (handle === CLOSED) return Status.closed;
			if (timeout >= 0) return ipc_semaphore_acquire(handle, timeout);
			let status: number;
			// No other code of this thread runs meanwhile, so the handle stays open.
			do status = ipc_semaphore_acquire(handle, LONGEST_CALL_MS);
			while (status === Status.timedOut && yieldToTermination());
			return status;
		}

		release(count: number): number {
			const { handle } = this;
			return handle === CLOSED ? Status.closed : ipc_semaphore_release(handle, count);
		}

		permits(): number {
			return this.symbols.ipc_semaphore_permits(this.handle);
		}

		recovered(): number {
			return this.symbols.ipc_semaphore_recovered(this.handle);
		}
	};
}

/** The class for one library, as that of semaphores. */
function signalClassOf({ symbols }: NativeLibrary): NativeClass<EngineSignal> {
	const { ipc_signal_notify, ipc_signal_wait } = symbols;
	return class NativeSignal extends NativeHandle implements EngineSignal {
		notify(low: number, high: number): number {
			const { handle } = this;
			return handle === CLOSED ? Status.closed : ipc_signal_notify(handle, low, high);
		}

		wait(timeout: number): number {
			const { handle } = this;
			if (handle === CLOSED) return Status.closed;
			if (timeout >= 0) return ipc_signal_wait(handle, timeout);
			let id: number;
			do id = ipc_signal_wait(handle, LONGEST_CALL_MS);
			while (id === Status.timedOut && yieldToTermination());
			return id;
		}
	};
}

abstract class NativeWaits extends NativeHandle implements EngineWaitTable {
	sleep(wait: number, timeout: number): number {
		if (timeout >= 0) return this.symbols.ipc_handle_sleep(this.handle, wait, timeout);
		let status: number;
		do status = this.symbols.ipc_handle_sleep(this.handle, wait, LONGEST_CALL_MS);
		while (status === Status.timedOut && yieldToTermination());
		return status;
	}

	leave(wait: number): boolean {
		return this.symbols.ipc_handle_leave(this.handle, wait) !== 0;
	}

	/** Each wait has a waker. A waker for the whole handle would take notifications that are meant for the waits. */
	override arm(): void {}

	override armed(): number {
		return 0;
	}
}

class NativeCondition extends NativeWaits implements EngineCondition {
	enter(waker: EngineWaker | undefined): number {
		return this.symbols.ipc_condition_enter(this.handle, waker?.low ?? 0, waker?.high ?? 0);
	}

	notify(): number {
		return this.symbols.ipc_condition_notify(this.handle);
	}

	notifyAll(): number {
		return this.symbols.ipc_condition_notify_all(this.handle);
	}
}

class NativeMemory extends NativeWaits implements EngineMemory {
	readonly #failure = new NativeFailure();
	readonly #library: NativeLibrary;
	readonly #error: (call: "map" | "grow" | "clear") => Error;

	constructor(library: NativeLibrary, handle: Address, prefix: string, name: string) {
		super(library, handle);
		this.#library = library;
		this.#error = (call) => openFailure(this.#failure, "memory", prefix, name, call);
	}

	byteLength(): number {
		return this.symbols.ipc_memory_byte_length(this.handle);
	}

	map(): Uint8Array {
		const mapping = this.#library.address(this.symbols.ipc_memory_map(this.handle, this.#failure.bytes));
		if (mapping === null) throw this.#error("map");
		return mapMemory(this.#library, mapping);
	}

	grow(byteLength: number): void {
		if (this.symbols.ipc_memory_grow(this.handle, byteLength, this.#failure.bytes) < 0) throw this.#error("grow");
	}

	unlink(): void {
		const code = this.symbols.ipc_memory_unlink(this.handle);
		if (code >= 0) return;
		this.#failure.code = code;
		throw this.#error("clear");
	}

	enter(offset: number, expected: number, waker: EngineWaker | undefined): number {
		const { low, high } = waker ?? { low: 0, high: 0 };
		return this.symbols.ipc_memory_enter(this.handle, offset, expected, low, high, this.#failure.bytes);
	}

	wake(offset: number, count: number): number {
		return this.symbols.ipc_memory_wake(this.handle, offset, count);
	}
}

/** Its two frequent functions are constants of the class, as in {@link semaphoreClassOf}. */
function latestClassOf({ symbols }: NativeLibrary): NativeClass<EngineLatest> {
	const { ipc_latest_get, ipc_latest_set } = symbols;
	return class NativeLatest extends NativeWaits implements EngineLatest {
		readonly maxLength: number;

		constructor(library: NativeLibrary, handle: Address) {
			super(library, handle);
			this.maxLength = library.symbols.ipc_latest_max_length(handle);
		}

		set(bytes: Uint8Array, length: number, timeout: number): number {
			const { handle } = this;
			if (handle === CLOSED) return Status.closed;
			if (timeout >= 0) return ipc_latest_set(handle, bytes, length, timeout);
			let status: number;
			do status = ipc_latest_set(handle, bytes, length, LONGEST_CALL_MS);
			while (status === Status.timedOut && yieldToTermination());
			return status;
		}

		get(target: Uint8Array, capacity: number): number {
			const { handle } = this;
			return handle === CLOSED ? Status.closed : ipc_latest_get(handle, target, capacity);
		}

		length(): number {
			return this.symbols.ipc_latest_length(this.handle);
		}

		version(): number {
			return this.symbols.ipc_latest_version(this.handle);
		}

		seen(): number {
			return this.symbols.ipc_latest_seen(this.handle);
		}

		enter(version: number, waker: EngineWaker | undefined): number {
			return this.symbols.ipc_latest_enter(this.handle, version, waker?.low ?? 0, waker?.high ?? 0);
		}

		lock(timeout: number): number {
			if (timeout >= 0) return this.symbols.ipc_latest_lock(this.handle, timeout);
			let status: number;
			do status = this.symbols.ipc_latest_lock(this.handle, LONGEST_CALL_MS);
			while (status === Status.timedOut && yieldToTermination());
			return status;
		}

		unlock(): number {
			return this.symbols.ipc_latest_unlock(this.handle);
		}
	};
}

/** What the native engine opens in addition to rings. */
export function openNativeHandles(
	library: () => NativeLibrary,
): Pick<
	Engine,
	| "openMutex"
	| "openCondition"
	| "openSemaphore"
	| "openRwLock"
	| "openMemory"
	| "openSignal"
	| "openLatest"
	| "keptBytes"
> {
	const open = <SomeHandle>(
		kind: HandleKind,
		prefix: string,
		name: string,
		options: EngineHandleOptions,
		classOf: (library: NativeLibrary) => NativeClass<SomeHandle>,
	): SomeHandle => {
		const loaded = library();
		const native = nativeHandleOptions(kind, options);
		const { ipc_handle_open } = loaded.symbols;
		const handle = openDespiteKept(loaded, () => {
			const failure = new NativeFailure();
			const answer = loaded.address(ipc_handle_open(terminated(prefix), terminated(name), native, failure.bytes));
			if (answer === null) throw openFailure(failure, kind, prefix, name, "open", options.codec);
			return answer;
		});
		const Opened = classOf(loaded);
		return new Opened(loaded, handle, prefix, name);
	};
	let Semaphore: NativeClass<EngineSemaphore> | undefined;
	const classOfSemaphore = (loaded: NativeLibrary) => {
		Semaphore ??= semaphoreClassOf(loaded);
		return Semaphore;
	};
	let Signal: NativeClass<EngineSignal> | undefined;
	const classOfSignal = (loaded: NativeLibrary) => {
		Signal ??= signalClassOf(loaded);
		return Signal;
	};
	let Latest: NativeClass<EngineLatest> | undefined;
	const classOfLatest = (loaded: NativeLibrary) => {
		Latest ??= latestClassOf(loaded);
		return Latest;
	};
	return {
		openLatest: (prefix, name, options) => open("latest", prefix, name, options, classOfLatest),
		openMutex: (prefix, name, options) => open("mutex", prefix, name, options, () => NativeMutex),
		openCondition: (prefix, name, options) => open("condition", prefix, name, options, () => NativeCondition),
		openSemaphore: (prefix, name, options) => open("semaphore", prefix, name, options, classOfSemaphore),
		openRwLock: (prefix, name, options) => open("rwlock", prefix, name, options, () => NativeRwLock),
		openMemory: (prefix, name, options) => open("memory", prefix, name, options, () => NativeMemory),
		openSignal: (prefix, name, options) => open("signal", prefix, name, options, classOfSignal),
		keptBytes: () => library().symbols.ipc_memory_kept_bytes(),
	};
}
