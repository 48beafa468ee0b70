import { availableParallelism } from "node:os";
import type { Address, Symbols } from "@libipc/core/api";
import { Status } from "@libipc/protocol";
import type { Platform } from "../segment/platform.ts";

let self: Platform["self"] | undefined;

function threadSelf(symbols: Symbols): Platform["self"] {
	if (self) return self;
	const owner = new Uint32Array(4);
	symbols.ipc_owner_self(owner);
	const [low = 0, high = 0, thread = 0, pidNamespace = 0] = new Int32Array(owner.buffer);
	self = { low, high, thread, pidNamespace };
	return self;
}

/**
 * The platform of a segment that C has mapped: `native/include/libipc/binding_view.h`. After close() its native object is gone, and the
 * calls return without it.
 */
export class SegmentPlatform implements Platform {
	readonly self: Platform["self"];
	readonly pid: number = process.pid;
	readonly processors: number = availableParallelism();
	readonly #symbols: Symbols;
	#segment: Address | undefined;
	#admitted = { low: 0, high: 0 };

	constructor(symbols: Symbols, segment: Address) {
		this.#symbols = symbols;
		this.#segment = segment;
		this.self = threadSelf(symbols);
	}

	now(): number {
		return performance.now();
	}

	monotonicMs(): number {
		return Math.floor(this.#symbols.ipc_now_ns() / 1e6);
	}

	wait(_words: Int32Array, index: number, expected: number, milliseconds: number, endsEarly: boolean): boolean {
		if (!this.#segment) return false;
		const early = endsEarly ? 1 : 0;
		return this.#symbols.ipc_segment_wait(this.#segment, index, expected >>> 0, milliseconds, early) !== 0;
	}

	wakeAll(_words: Int32Array, index: number): void {
		if (this.#segment) this.#symbols.ipc_segment_wake(this.#segment, index);
	}

	signal(low: number, high: number): void {
		this.#symbols.ipc_waker_signal(low >>> 0, high >>> 0);
	}

	admitTo(low: number, high: number): void {
		if (low === this.#admitted.low && high === this.#admitted.high) return;
		this.#admitted = { low, high };
		if (this.#segment) this.#symbols.ipc_segment_admit_to_waker(this.#segment, low >>> 0, high >>> 0);
	}

	isAlive(low: number, high: number, pid: number, pidNamespace: number): boolean {
		if (low === this.self.low && high === this.self.high) return true;
		return this.#symbols.ipc_owner_runs(low >>> 0, high >>> 0, pid >>> 0, pidNamespace >>> 0) !== 0;
	}

	lock(_segment: unknown, patience: number): number {
		if (!this.#segment) return Status.orphaned;
		return this.#symbols.ipc_segment_lock_name(this.#segment, patience);
	}

	unlock(): void {
		if (this.#segment) this.#symbols.ipc_segment_unlock_name(this.#segment);
	}

	unlink(): void {
		if (this.#segment) this.#symbols.ipc_segment_remove_name(this.#segment);
	}

	isNamed(): boolean {
		return !this.#segment || this.#symbols.ipc_segment_has_name(this.#segment) !== 0;
	}

	/** All views of a mapping have one buffer, and that keeps it. */
	retain(): void {}

	close(): void {
		this.#segment = undefined;
	}
}
