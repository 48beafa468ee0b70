/**
 * The functions of the native library, for bun:ffi, the Node-API addon and other FFIs. `native/include/libipc/` documents each.
 *
 * On the hot path only 32-bit integers and typed arrays are passed: a 64-bit integer would become a BigInt, an integer passed as a
 * double takes a slow path, and making an address from a typed array costs more than the call.
 *
 * @internal
 */
export const declarations = {
	ipc_abi_version: { args: [], returns: "u32" },
	ipc_now_ns: { args: [], returns: "f64" },
	ipc_storage_choose: { args: ["buffer", "buffer"], returns: "i32" },
	ipc_storage_directory: { args: ["buffer", "u32"], returns: "u32" },

	ipc_sender_open: { args: ["buffer", "buffer", "buffer", "buffer"], returns: "ptr" },
	ipc_sender_open_successor: { args: ["buffer", "buffer", "buffer", "buffer"], returns: "ptr" },
	ipc_sender_take_over: { args: ["ptr", "i32", "buffer"], returns: "i32" },
	ipc_sender_close: { args: ["ptr"], returns: "void" },
	ipc_sender_send: { args: ["ptr", "buffer", "u32", "i32"], returns: "i32" },
	ipc_sender_send_with_progress_timeout: { args: ["ptr", "buffer", "u32", "i32"], returns: "i32" },
	ipc_sender_send_part: { args: ["ptr", "buffer", "u32", "buffer"], returns: "i32" },
	ipc_sender_abort_part: { args: ["ptr"], returns: "void" },
	ipc_sender_arm: { args: ["ptr", "u32", "u32", "u32"], returns: "void" },
	ipc_sender_poll: { args: ["ptr", "u32", "u32", "u32"], returns: "i32" },
	ipc_sender_armed: { args: ["ptr"], returns: "i32" },
	ipc_sender_stage: { args: ["ptr", "buffer", "u32"], returns: "i32" },
	ipc_sender_flush: { args: ["ptr", "i32", "buffer"], returns: "i32" },
	ipc_sender_loan: { args: ["ptr", "u32", "i32", "buffer"], returns: "i32" },
	ipc_sender_end_loan: { args: ["ptr", "u32", "i32"], returns: "i32" },
	ipc_sender_max_loan: { args: ["ptr"], returns: "u32" },
	ipc_sender_stamp: { args: ["ptr"], returns: "u32" },
	ipc_sender_ring: { args: ["ptr"], returns: "ptr" },
	ipc_sender_capacity: { args: ["ptr"], returns: "u32" },
	ipc_sender_hold_mapping: { args: ["ptr"], returns: "ptr" },
	ipc_sender_receiver_count: { args: ["ptr"], returns: "i32" },
	ipc_sender_observer_count: { args: ["ptr"], returns: "i32" },
	ipc_sender_wait_for_receivers: { args: ["ptr", "u32", "i32"], returns: "i32" },
	ipc_sender_read_point: { args: ["ptr", "buffer"], returns: "i32" },
	ipc_sender_wait_until_read: { args: ["ptr", "buffer", "i32"], returns: "i32" },
	ipc_sender_end_read_waits: { args: ["ptr"], returns: "void" },
	ipc_sender_max_message: { args: ["ptr"], returns: "u32" },
	ipc_sender_max_record: { args: ["ptr"], returns: "u32" },

	ipc_receiver_open: { args: ["buffer", "buffer", "buffer", "buffer"], returns: "ptr" },
	ipc_receiver_close: { args: ["ptr"], returns: "void" },
	ipc_receiver_recv: { args: ["ptr", "buffer", "u32", "i32"], returns: "i32" },
	ipc_receiver_recv_latest: { args: ["ptr", "buffer", "u32", "i32"], returns: "i32" },
	ipc_receiver_next_length: { args: ["ptr"], returns: "i32" },
	ipc_receiver_take_assembled: { args: ["ptr", "buffer"], returns: "ptr" },
	ipc_receiver_lost: { args: ["ptr"], returns: "f64" },
	ipc_receiver_skipped: { args: ["ptr"], returns: "f64" },
	ipc_receiver_take: { args: ["ptr", "i32", "buffer"], returns: "i32" },
	ipc_receiver_done: { args: ["ptr", "u32"], returns: "i32" },
	ipc_receiver_retry_after: { args: ["ptr", "u32", "u32"], returns: "i32" },
	ipc_receiver_reject: { args: ["ptr", "u32", "buffer", "u32"], returns: "i32" },
	ipc_receiver_origin: { args: ["ptr", "u32", "buffer"], returns: "i32" },
	ipc_receiver_redrive: { args: ["ptr", "u32"], returns: "i32" },
	ipc_receiver_next_due: { args: ["ptr"], returns: "i32" },
	ipc_receiver_arm: { args: ["ptr", "u32", "u32", "u32"], returns: "void" },
	ipc_receiver_poll: { args: ["ptr", "u32", "u32", "u32"], returns: "i32" },
	ipc_receiver_armed: { args: ["ptr"], returns: "i32" },
	ipc_receiver_peek: { args: ["ptr", "buffer", "u32", "buffer", "u32", "i32"], returns: "i32" },
	ipc_receiver_consume: { args: ["ptr", "u32"], returns: "i32" },
	ipc_receiver_ring: { args: ["ptr"], returns: "ptr" },
	ipc_receiver_capacity: { args: ["ptr"], returns: "u32" },
	ipc_receiver_stamped: { args: ["ptr"], returns: "u32" },
	ipc_receiver_hold_mapping: { args: ["ptr"], returns: "ptr" },
	ipc_mapping_releaser: { args: [], returns: "ptr" },
	ipc_message_releaser: { args: [], returns: "ptr" },
	ipc_mapping_release: { args: ["ptr"], returns: "void" },
	ipc_message_release: { args: ["ptr"], returns: "void" },

	ipc_waker_open: { args: ["buffer"], returns: "i32" },
	ipc_waker_open_kept: { args: ["buffer"], returns: "i32" },
	/** Blocks: only for runtimes that call it on a thread of a pool. */
	ipc_waker_wait: { args: ["u32", "u32", "i32"], returns: "i32" },
	ipc_waker_reserve: { args: [], returns: "i32" },
	ipc_waker_open_at: { args: ["i32", "buffer"], returns: "i32" },
	ipc_waker_test: { args: ["u32", "u32"], returns: "void" },
	ipc_waker_close: { args: ["u32", "u32"], returns: "void" },

	ipc_handle_open: { args: ["buffer", "buffer", "buffer", "buffer"], returns: "ptr" },
	ipc_handle_close: { args: ["ptr"], returns: "void" },
	ipc_handle_count: { args: ["ptr"], returns: "i32" },
	ipc_handle_arm: { args: ["ptr", "u32", "u32", "u32"], returns: "i32" },
	ipc_handle_disarm: { args: ["ptr", "u32"], returns: "void" },
	ipc_handle_armed: { args: ["ptr"], returns: "i32" },
	ipc_handle_poll: { args: ["ptr"], returns: "void" },
	ipc_handle_sleep: { args: ["ptr", "i32", "i32"], returns: "i32" },
	ipc_handle_leave: { args: ["ptr", "i32"], returns: "i32" },
	ipc_mutex_lock: { args: ["ptr", "i32"], returns: "i32" },
	ipc_mutex_unlock: { args: ["ptr"], returns: "i32" },
	ipc_mutex_mark_unusable: { args: ["ptr"], returns: "i32" },
	ipc_mutex_is_held: { args: ["ptr"], returns: "i32" },
	ipc_condition_enter: { args: ["ptr", "u32", "u32"], returns: "i32" },
	ipc_condition_notify: { args: ["ptr"], returns: "i32" },
	ipc_condition_notify_all: { args: ["ptr"], returns: "i32" },
	ipc_semaphore_acquire: { args: ["ptr", "i32"], returns: "i32" },
	ipc_semaphore_release: { args: ["ptr", "u32"], returns: "i32" },
	ipc_semaphore_permits: { args: ["ptr"], returns: "u32" },
	ipc_semaphore_recovered: { args: ["ptr"], returns: "u32" },
	// Words of bits: as u32, one with the highest bit is a double, and Bun converts all of them on a slow path.
	ipc_signal_notify: { args: ["ptr", "i32", "i32"], returns: "i32" },
	ipc_signal_wait: { args: ["ptr", "i32"], returns: "i32" },
	ipc_rwlock_lock: { args: ["ptr", "i32", "i32"], returns: "i32" },
	ipc_rwlock_unlock: { args: ["ptr"], returns: "i32" },
	ipc_rwlock_lock_shared: { args: ["ptr", "i32"], returns: "i32" },
	ipc_rwlock_unlock_shared: { args: ["ptr"], returns: "i32" },
	ipc_rwlock_mark_unusable: { args: ["ptr"], returns: "i32" },
	ipc_rwlock_held: { args: ["ptr"], returns: "i32" },
	ipc_memory_byte_length: { args: ["ptr"], returns: "f64" },
	ipc_memory_map: { args: ["ptr", "buffer"], returns: "ptr" },
	ipc_memory_grow: { args: ["ptr", "f64", "buffer"], returns: "i32" },
	ipc_memory_unlink: { args: ["ptr"], returns: "i32" },
	ipc_memory_kept_bytes: { args: [], returns: "f64" },
	ipc_memory_enter: { args: ["ptr", "u32", "u32", "u32", "u32", "buffer"], returns: "i32" },
	ipc_memory_wake: { args: ["ptr", "u32", "u32"], returns: "i32" },
	ipc_latest_set: { args: ["ptr", "buffer", "u32", "i32"], returns: "i32" },
	ipc_latest_get: { args: ["ptr", "buffer", "u32"], returns: "i32" },
	ipc_latest_length: { args: ["ptr"], returns: "i32" },
	ipc_latest_max_length: { args: ["ptr"], returns: "u32" },
	ipc_latest_version: { args: ["ptr"], returns: "f64" },
	ipc_latest_seen: { args: ["ptr"], returns: "f64" },
	ipc_latest_enter: { args: ["ptr", "f64", "u32", "u32"], returns: "i32" },
	ipc_latest_lock: { args: ["ptr", "i32"], returns: "i32" },
	ipc_latest_unlock: { args: ["ptr"], returns: "i32" },
	ipc_mapping_address: { args: ["ptr"], returns: "ptr" },
	ipc_mapping_byte_length: { args: ["ptr"], returns: "f64" },

	ipc_sender_export: { args: ["ptr", "buffer"], returns: "ptr" },
	ipc_receiver_export: { args: ["ptr", "buffer"], returns: "ptr" },
	ipc_segment_hold_mapping: { args: ["ptr"], returns: "ptr" },
	ipc_segment_wait: { args: ["ptr", "u32", "u32", "f64", "i32"], returns: "i32" },
	ipc_segment_wake: { args: ["ptr", "u32"], returns: "void" },
	ipc_segment_lock_name: { args: ["ptr", "u32"], returns: "i32" },
	ipc_segment_unlock_name: { args: ["ptr"], returns: "void" },
	ipc_segment_has_name: { args: ["ptr"], returns: "i32" },
	ipc_segment_remove_name: { args: ["ptr"], returns: "void" },
	ipc_owner_self: { args: ["buffer"], returns: "void" },
	ipc_owner_runs: { args: ["u32", "u32", "u32", "u32"], returns: "i32" },
	ipc_process_forget: { args: [], returns: "void" },
	ipc_process_adopt_threads: { args: ["i32"], returns: "void" },
	ipc_process_adopt_reset_handlers: { args: [], returns: "void" },
	ipc_waker_signal: { args: ["u32", "u32"], returns: "void" },
	ipc_segment_admit_to_waker: { args: ["ptr", "u32", "u32"], returns: "void" },

	ipc_clear_dead_processes: { args: [], returns: "void" },
	ipc_clear: { args: ["buffer", "buffer", "u32", "buffer"], returns: "i32" },

	ipc_list_other_kind: { args: ["buffer", "buffer", "u32", "buffer"], returns: "u32" },
	ipc_list_receivers: { args: ["buffer", "buffer", "u32", "buffer", "buffer"], returns: "i32" },
	/** A prefix of null stands for all names. */
	ipc_list_open: { args: ["ptr", "buffer"], returns: "ptr" },
	ipc_list_next: { args: ["ptr", "buffer", "buffer"], returns: "i32" },
	ipc_list_endpoint: { args: ["ptr", "buffer"], returns: "i32" },
	ipc_list_remove: { args: ["ptr"], returns: "i32" },
	ipc_list_remove_unneeded: { args: ["ptr"], returns: "i32" },
	ipc_list_close: { args: ["ptr"], returns: "void" },

	ipc_sender_peers: { args: ["ptr", "buffer", "u32"], returns: "i32" },
	ipc_receiver_peers: { args: ["ptr", "buffer", "u32"], returns: "i32" },
} as const satisfies Record<string, Declaration>;

interface Declaration {
	readonly args: readonly (keyof ArgumentTypes)[];
	readonly returns: keyof ResultTypes;
}

declare const native: unique symbol;

/**
 * The address of a native object: a number.
 *
 * @internal
 */
export type Address = { readonly [native]: never };

interface ArgumentTypes {
	/** Bytes may be passed for an address that may be null. */
	readonly ptr: Address | Uint8Array | null;
	/** Not empty. */
	readonly buffer: Uint8Array | Uint32Array;
	readonly u32: number;
	readonly i32: number;
	readonly f64: number;
}

interface ResultTypes {
	/** An address or NULL, as the FFI represents it: `NativeLibrary.address` converts it. */
	readonly ptr: unknown;
	readonly u32: number;
	readonly i32: number;
	readonly f64: number;
	readonly void: undefined;
}

type ArgumentsOf<Types extends readonly (keyof ArgumentTypes)[]> = {
	-readonly [Index in keyof Types]: ArgumentTypes[Types[Index]];
};

/**
 * The functions as TypeScript calls them.
 *
 * @internal
 */
export type Symbols = {
	readonly [Name in keyof typeof declarations]: (
		...args: ArgumentsOf<(typeof declarations)[Name]["args"]>
	) => ResultTypes[(typeof declarations)[Name]["returns"]];
};
