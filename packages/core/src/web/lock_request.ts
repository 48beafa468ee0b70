import type { CheckedRequest } from "./lock_arguments.ts";
import type { LockMode } from "./lock_state.ts";
import type { WebLock } from "./lock_types.ts";

/** The object that a callback gets. */
class GrantedLock implements WebLock {
	readonly #name: string;
	readonly #mode: LockMode;

	constructor(name: string, mode: LockMode) {
		this.#name = name;
		this.#mode = mode;
	}

	get name(): string {
		return this.#name;
	}

	get mode(): LockMode {
		return this.#mode;
	}

	get [Symbol.toStringTag](): string {
		return "Lock";
	}
}
for (const member of ["name", "mode"]) Object.defineProperty(GrantedLock.prototype, member, { enumerable: true });
Object.defineProperty(GrantedLock, "name", { value: "Lock", configurable: true });

/** How a callback ended. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * A request of this thread.
 *
 * | state | until |
 * | --- | --- |
 * | pending | the shared state says that it is held; or it is withdrawn |
 * | granted | its callback is called, in a later microtask; or it is withdrawn |
 * | held | what the callback returned settles; or the lock is stolen |
 * | ended | |
 */
export class LockRequest {
	readonly number: number;
	readonly checked: CheckedRequest;
	readonly promise: Promise<unknown>;
	state: "pending" | "granted" | "held" | "ended" = "pending";
	/** Whether the callback must not be called any more. */
	isWithdrawn = false;
	/** Stops listening to the signal. */
	unlisten: (() => void) | undefined;
	#resolve: (value: unknown) => void = () => {};
	#reject: (reason: unknown) => void = () => {};

	constructor(number: number, checked: CheckedRequest) {
		this.number = number;
		this.checked = checked;
		this.promise = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
	}

	/** Calls the callback, with the lock or with null. Calls `ended` when what it returned has settled. */
	call(isGranted: boolean, ended: (outcome: Outcome) => void): void {
		const { name, mode, callback } = this.checked;
		if (this.state !== "ended") this.state = "held";
		this.unlisten?.();
		// The executor calls the callback once: what it throws rejects, and is not looked at.
		new Promise((resolve) => resolve(callback(isGranted ? new GrantedLock(name, mode) : null))).then(
			(value) => ended({ value }),
			(error: unknown) => ended({ error }),
		);
	}

	end(outcome: Outcome): void {
		if (this.state === "ended") return;
		this.state = "ended";
		this.unlisten?.();
		if ("error" in outcome) this.#reject(outcome.error);
		else this.#resolve(outcome.value);
	}
}
