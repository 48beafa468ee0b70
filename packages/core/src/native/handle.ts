import { type EngineHandle, type EngineWaitTable, type EngineWaker, Status } from "@libipc/protocol";
import { closeAtExit } from "../close_at_exit.ts";
import { type OpenOrClosed, returnClosed } from "./closed.ts";
import type { Address } from "./declarations.ts";
import type { NativeLibrary } from "./library.ts";
import { LONGEST_CALL_MS, yieldToTermination } from "./options.ts";

/** What a handle calls after its native object was closed. */
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

type HandleSymbols = OpenOrClosed<typeof closedSymbols>;

/** The address of a handle that is closed: no handle has it. */
export const CLOSED = 0 as unknown as Address;

/** What the handles of all kinds have in common. */
export class NativeHandle implements EngineHandle {
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

/** A handle whose waits are made one by one, each with its own waker. */
export abstract class NativeWaits extends NativeHandle implements EngineWaitTable {
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

export type NativeClass<SomeHandle> = new (
	library: NativeLibrary,
	handle: Address,
	prefix: string,
	name: string,
) => SomeHandle;
