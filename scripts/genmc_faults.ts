/**
 * The seeded faults of the harnesses in native/model/genmc: one place of the library is changed in a copy, and GenMC must
 * find an error, or none where the place is known to be redundant. A place that is not there exactly once is an error of this table.
 */

export interface Change {
	/** In native/src. */
	readonly file: string;
	readonly is: string;
	readonly becomes: string;
}

export interface Fault {
	readonly name: string;
	readonly harness: string;
	/** The configuration of the harness that runs with it. */
	readonly config: string;
	readonly changes: readonly Change[];
	/** What is changed is redundant as the code is, and its comment says so: GenMC must find no error. */
	readonly isHarmless?: boolean;
}

const change = (file: string, is: string, becomes = ""): Change => ({ file, is, becomes });

/** The order of one access becomes relaxed. `is` names the access, and ends where its order begins. */
const relaxed = (file: string, access: string, order: "acquire" | "release", after = ""): Change =>
	change(file, `${access}memory_order_${order}${after}`, `${access}memory_order_relaxed${after}`);

const fence = "atomic_thread_fence(memory_order_seq_cst);";

// Each of these is what orders something in several harnesses.
const headStore = relaxed("sender_write.h", "number << 32 | head, ", "release");
const headLoad = relaxed("receiver_read.c", "&receiver->segment.header->head, ", "acquire");
const claimTaken = relaxed("claim_lock.h", "&free, instance, ", "acquire");
const claimReleased = relaxed("claim_lock.h", "(claim, 0, ", "release");
const takeOver = relaxed("claim_lock.c", "&owner, instance, ", "acquire");
const fenceOfWait = change(
	"waits.c",
	`IPC_WAIT_WAITING, memory_order_release);\n    ${fence}`,
	"IPC_WAIT_WAITING, memory_order_release);",
);
const fenceOfSleeper = change(
	"event.c",
	`IPC_WANTED_BY_SLEEPERS, memory_order_relaxed);\n  ${fence}`,
	"IPC_WANTED_BY_SLEEPERS, memory_order_relaxed);",
);
const fenceOfLoop = change(
	"event.c",
	`IPC_WANTED_BY_WAKERS, memory_order_release);\n  ${fence}`,
	"IPC_WANTED_BY_WAKERS, memory_order_release);",
);
/** A word is changed by a sequentially consistent access; then `waiting` is loaded by one. With another order, the first may come last. */
const ordered = (file: string, access: string, order: "release" | "relaxed"): Change =>
	change(file, `${access}memory_order_seq_cst`, `${access}memory_order_${order}`);
const waitingRelaxed = ordered("waits.h", "&segment->header->waiting, ", "relaxed");

const fenceOfJoiner = change(
	"slots.c",
	`${fence}                                   /* (2) */\n  segment->joined`,
	"segment->joined",
);
const secondHead = "segment->joined = atomic_load_explicit(&header->head, memory_order_acquire); /* (3) */";
const gateFence = change(
	"slots.c",
	`${fence}\n  uint32_t used = slots_used(&segment->header->receiver_slots_used`,
	"uint32_t used = slots_used(&segment->header->receiver_slots_used",
);

function of(harness: string, config: string, faults: Readonly<Record<string, readonly Change[] | Change>>): Fault[] {
	return Object.entries(faults).map(([name, changes]) => ({ name, harness, config, changes: [changes].flat() }));
}

const harmless = (faults: readonly Fault[]): Fault[] => faults.map((fault) => ({ ...fault, isHarmless: true }));

export const faults: readonly Fault[] = [
	...of("event", "threads", {
		no_fence_of_waiter: fenceOfSleeper,
		no_fence_of_notifier: change("event.h", `${fence} /* pairs with the fences in ipc_event_prepare and`, "/*"),
	}),
	...of("event", "loop", {
		no_fence_of_loop: fenceOfLoop,
	}),
	...of("ring", "route", {
		head_store_relaxed: headStore,
		head_load_relaxed: headLoad,
		position_relaxed: relaxed("receiver_read.c", "&receiver->slot->position, receiver->position, ", "release"),
		gate_relaxed: relaxed("slots.c", "&slot->position, ", "acquire"),
	}),
	...of("ring", "channel", { claim_relaxed: claimTaken, unlock_relaxed: claimReleased }),
	...of("ring", "pauses", { head_load_relaxed: headLoad }),
	...of("join", "newest", {
		no_fence_of_joiner: fenceOfJoiner,
		no_second_head: change(
			"slots.c",
			`${secondHead}\n  atomic_store_explicit(&slot->position, (uint32_t)segment->joined, memory_order_release);`,
			secondHead,
		),
	}),
	...harmless(
		of("join", "newest", {
			redundant_fence_of_gate: gateFence,
		}),
	),
	...harmless(
		of("overrun", "messages", {
			redundant_fence_of_announcement: change("sender_write.c", "atomic_thread_fence(memory_order_release);"),
		}),
	),
	...of("join", "oldest", {
		no_fence_of_joiner: change(
			"slots.c",
			`${fence}                                           /* (2) */\n    uint64_t`,
			"uint64_t",
		),
		no_fence_of_gate: gateFence,
	}),
	...of("join", "beside", { no_fence_of_joiner: fenceOfJoiner }),
	...of("join", "counted", {
		counted_while_joining: change(
			"slots.c",
			"slots_take(segment, slot, IPC_SLOT_JOINING, is_observer);",
			"slots_take(segment, slot, 0, is_observer);",
		),
	}),
	...of("overrun", "messages", {
		no_fence_of_receiver: change("overrun.c", "atomic_thread_fence(memory_order_acquire);"),
		mark_count_relaxed: relaxed("marks.c", "count + 1, ", "release"),
		announced_relaxed: relaxed("sender_write.c", "here + ahead, ", "release"),
		no_check_after_copy: change(
			"receiver_recv.c",
			"if (receiver->is_overrun && ipc_overrun_found(receiver)) continue;",
		),
		no_fences_of_sender: [
			change("sender_write.c", "atomic_thread_fence(memory_order_release);"),
			change("sender_write.h", "if (IPC_UNLIKELY(sender->needs_slow_path)) atomic_thread_fence(memory_order_release);"),
		],
	}),
	...of("overrun", "pauses", {
		no_fence_of_receiver: change("overrun.c", "atomic_thread_fence(memory_order_acquire);"),
		guessed_by_plain_load: change(
			"ring.h",
			"return atomic_load_explicit(&shared->length, memory_order_relaxed);",
			"return *(const uint32_t *)&shared->length;",
		),
	}),
	...of("observer", "route", {
		no_fence_of_observer: change("overrun.c", "atomic_thread_fence(memory_order_acquire);"),
		no_check_after_copy: change(
			"receiver_recv.c",
			"if (receiver->is_overrun && ipc_overrun_found(receiver)) continue;",
		),
	}),
	// It orders the flag before head for messages of other senders. That rests on processors that show a store to all others at once,
	// which neither memory model assumes: so the sender itself publishes here. See NO_FENCE_OF_POINT of the model event.
	...harmless(
		of("flush", "begins", {
			redundant_fence_of_flush: change(
				"event.c",
				`  }\n  ${fence} /* pairs with the fence before a notifier reads the flag */`,
				"  }",
			),
		}),
	),
	...of("flush", "begins", {
		position_relaxed: relaxed("receiver_read.c", "&receiver->slot->position, receiver->position, ", "release"),
		look_relaxed: relaxed("read_point.c", "&slot->position, ", "acquire"),
	}),
	...of("flush", "cleared", {
		want_relaxed: relaxed(
			"event.c",
			"number * IPC_WANTED_NUMBER,\n                                                  ",
			"release",
		),
		clear_relaxed: relaxed("event.c", ".wanted, ~taken, ", "acquire"),
		cleared_blindly: change(
			"event.c",
			"atomic_compare_exchange_strong_explicit(wanted, &seen, 0, memory_order_relaxed, memory_order_relaxed);",
			"atomic_exchange_explicit(wanted, 0, memory_order_relaxed);",
		),
	}),
	...of("claim", "released", { lock_relaxed: [claimTaken, takeOver], unlock_relaxed: claimReleased }),
	...of("claim", "killed", { not_asked: change("claim_lock.c", "ipc_slots_is_alive(segment, owner, pid)", "false") }),
	...of("handover", "left", { unlock_relaxed: claimReleased, take_over_relaxed: takeOver }),
	...of("handover", "killed", { head_store_relaxed: headStore }),
	...of("mutex", "two", {
		lock_relaxed: claimTaken,
		unlock_relaxed: ordered("claim_lock.h", "(claim, 0, ", "relaxed"),
		swap_relaxed: relaxed(
			"queued_lock.c",
			"&owner, handle->instance,\n                                                 ",
			"acquire",
		),
		no_fence_of_waiter: fenceOfWait,
		unlock_only_releases: ordered("claim_lock.h", "(claim, 0, ", "release"),
		waiting_relaxed: waitingRelaxed,
	}),
	...of("condition", "one", {
		entered_after_unlock: change(
			"condition.c",
			"  int32_t wait = ipc_condition_enter(condition, 0, 0);\n  if (wait < 0) return ipc_segment_result(&condition->segment, wait);\n  ipc_mutex_unlock(mutex);",
			"  ipc_mutex_unlock(mutex);\n  int32_t wait = ipc_condition_enter(condition, 0, 0);",
		),
	}),
	...of("semaphore", "plain", {
		acquire_relaxed: relaxed("semaphore.c", "permits - 1, ", "acquire"),
		release_relaxed: ordered("semaphore.c", "permits + count, ", "relaxed"),
		no_fence_of_waiter: fenceOfWait,
		release_only_releases: ordered("semaphore.c", "permits + count, ", "release"),
		waiting_relaxed: waitingRelaxed,
	}),
	...of("semaphore", "robust", { claim_relaxed: claimReleased }),
	...of("rwlock", "reader", {
		no_fence_of_reader: change("rwlock.c", `${fence} /* pairs with the one in rwlock_attempt */`),
		no_fence_of_writer: change("rwlock.c", `${fence} /* pairs with the one in rwlock_enter_shared */`),
		claim_check_relaxed: relaxed("rwlock.c", "&header->claim, ", "acquire"),
		held_relaxed: relaxed("rwlock.c", "&lock->slot->held, count, ", "release"),
		held_load_relaxed: relaxed("rwlock.c", "&slot->held, ", "acquire", ") > 0) return"),
	}),
	...of("lease", "taken", {
		head_store_relaxed: headStore,
		head_load_relaxed: relaxed("queue.c", "return (uint32_t)atomic_load_explicit(&segment->header->head, ", "acquire"),
		take_lock_relaxed: claimReleased,
	}),
	...of("lease", "again", {
		done_relaxed: relaxed(
			"queue.c",
			"IPC_LEASE_DONE,\n                                                         ",
			"release",
		),
		gate_relaxed: relaxed("queue.c", "&queue_lease_at(segment, tail)->holder, ", "acquire"),
	}),
	...of("loan", "sent", {
		end_relaxed: relaxed("loan.c", "IPC_RECORD_MESSAGE : IPC_RECORD_PADDING, ", "release"),
		kind_relaxed: relaxed("ring.h", "record->kind = atomic_load_explicit(&shared->kind, ", "acquire"),
	}),
	...of("signal", "again", {
		bits_relaxed: ordered("signal.c", "fetch_or_explicit(word, bits, ", "relaxed"),
		bits_only_release: ordered("signal.c", "fetch_or_explicit(word, bits, ", "release"),
		flag_relaxed: ordered("signal.c", ".wanted, ", "relaxed"),
		take_relaxed: relaxed("signal.c", "~(1u << id % 32), ", "acquire"),
		no_fence_of_listener: fenceOfSleeper,
		not_checked_before_sleep: change(
			"signal.c",
			"IPC_EVENT_DATA);\n    if ((id = signal_attempt(signal)) != IPC_TIMED_OUT) break;",
			"IPC_EVENT_DATA);",
		),
		cleared_by_store: change(
			"signal.c",
			"atomic_fetch_and_explicit(&pending[id / 32], ~(1u << id % 32), memory_order_acquire);",
			"atomic_store_explicit(&pending[id / 32], (uint32_t)(bits >> id / 32 * 32) & ~(1u << id % 32), memory_order_relaxed);\n  atomic_thread_fence(memory_order_acquire);",
		),
	}),
	...of("signal", "two", {
		set_by_store: change(
			"signal.c",
			"atomic_fetch_or_explicit(word, bits, memory_order_seq_cst);",
			"atomic_store_explicit(word, signal_load(word) | bits, memory_order_seq_cst);",
		),
		all_cleared: change("signal.c", "~(1u << id % 32), memory", "0, memory"),
	}),
	...of("signal", "loop", {
		bits_only_release: ordered("signal.c", "fetch_or_explicit(word, bits, ", "release"),
		no_fence_of_loop: fenceOfLoop,
	}),
	...of("latest_value", "copied", {
		publish_relaxed: ordered("latest_value.c", "(uint32_t)index, ", "relaxed"),
		version_kept: change("latest_value.c", "atomic_store_explicit(&buffer->version, 0, memory_order_relaxed);"),
		no_fence_of_writer: change(
			"latest_value.c",
			"atomic_thread_fence(memory_order_release);\n  atomic_store_explicit(&buffer->length",
			"atomic_store_explicit(&buffer->length",
		),
		no_fence_of_reader: change("latest_value.c", "atomic_thread_fence(memory_order_acquire);"),
		get_relaxed: relaxed(
			"latest_value.c",
			"uint64_t current = atomic_load_explicit(&segment->header->current, ",
			"acquire",
			");\n    if",
		),
		not_checked: change("latest_value.c", "if (IPC_UNLIKELY(version != ipc_version_of(current))) continue;"),
	}),
	...of("latest_value", "pinned", {
		pin_released: ordered("latest_value.c", "IPC_PIN_WANTED, ", "release"),
		current_relaxed: ordered("latest_value.c", "ipc_buffer_of(atomic_load_explicit(&header->current, ", "relaxed"),
		pins_not_collected: change(
			"latest_value.c",
			"latest_collect_pins(latest, current, &pinned);",
			"pinned.bits[0] = 0;",
		),
		not_helped: change("latest_value.c", "pin == IPC_PIN_WANTED &&", "false &&"),
		unpin_relaxed: relaxed("latest_value.c", "IPC_PIN_NONE, ", "release"),
		uncounted_relaxed: relaxed("latest_value.c", "fetch_sub_explicit(&header->pinning, 1, ", "release"),
	}),
	...of("latest_value", "readers", {
		counted_late: change(
			"latest_value.c",
			"atomic_fetch_add_explicit(&header->pinning, 1, memory_order_seq_cst);\n  atomic_store_explicit(pin, IPC_PIN_WANTED, memory_order_seq_cst);",
			"atomic_store_explicit(pin, IPC_PIN_WANTED, memory_order_seq_cst);\n  atomic_fetch_add_explicit(&header->pinning, 1, memory_order_seq_cst);",
		),
	}),
];
