import { IpcError } from "@libipc/protocol";
import { listenTo, throwIfAborted } from "../check/signal.ts";
import { type CheckedRequest, checkRequest } from "./lock_arguments.ts";
import { LockRequest } from "./lock_request.ts";
import { LockSession, type Operation, type SessionOptions } from "./lock_session.ts";
import { isGrantable, type LockEntry, type LockState } from "./lock_state.ts";
import type { LockManager, WebLockInfo, WebLocksSnapshot } from "./lock_types.ts";
import type { WebLibrary } from "./web_library.ts";

/** How long a session stays open that has nothing to do. */
const IDLE_MS = 1000;

const infoOf = ({ name, mode, clientId }: LockEntry): WebLockInfo => ({ name, mode, clientId });

/** The web hides from a page what it may not use: so the code of libipc is in the cause. */
const asWeb = (error: unknown): unknown =>
	error instanceof IpcError && error.code === "ERR_IPC_PERMISSION"
		? Object.defineProperty(new DOMException(error.message, "SecurityError"), "cause", { value: error })
		: error;

/** The session of this thread with the shared state, and the requests of this thread. */
class LockClient {
	readonly #open: () => LockSession;
	#session: LockSession | undefined;
	readonly #requests = new Map<number, LockRequest>();
	/** The operations that add a request, until they have run. */
	readonly #adding = new Map<LockRequest, Operation>();
	/** Of operations that somebody waits for: how to end the wait with an error. */
	readonly #waiting = new Set<(error: unknown) => void>();
	#requested = 0;
	#idleTimer: ReturnType<typeof setTimeout> | undefined;

	constructor(library: WebLibrary, options: SessionOptions) {
		this.#open = () =>
			new LockSession(library, options, {
				looked: (state, granted) => this.#looked(state, granted),
				mustLook: () => this.#session?.run({ run: () => {} }),
				failed: (error) => this.#failed(error),
			});
	}

	#opened(): LockSession {
		clearTimeout(this.#idleTimer);
		this.#idleTimer = undefined;
		this.#session ??= this.#open();
		return this.#session;
	}

	request(checked: CheckedRequest): Promise<unknown> {
		const session = this.#opened();
		const request = new LockRequest(++this.#requested, checked);
		const { name, mode, steal, ifAvailable, signal } = checked;
		const { peer, clientId } = session;
		const entry: LockEntry = { request: request.number, peer, clientId, name, mode };
		const run = (state: LockState): void => {
			this.#adding.delete(request);
			if (steal) {
				state.held = state.held.filter((each) => each.name !== name);
				state.pending.unshift(entry);
			} else if (!ifAvailable || isGrantable(state, entry)) state.pending.push(entry);
			else {
				this.#requests.delete(request.number);
				queueMicrotask(() => request.call(false, (outcome) => request.end(outcome)));
			}
		};
		const add: Operation = { run, afterGrants: steal || ifAvailable };
		this.#requests.set(request.number, request);
		this.#adding.set(request, add);
		session.run(add);
		if (signal) request.unlisten = listenTo(signal, () => this.#abort(request, signal));
		this.#listen();
		return request.promise;
	}

	#abort(request: LockRequest, signal: AbortSignal): void {
		if (request.state !== "pending" && request.state !== "granted") return;
		try {
			throwIfAborted(signal);
			return; // a signal of another implementation, which was not aborted
		} catch (error) {
			request.isWithdrawn = true;
			request.end({ error });
		}
		const add = this.#adding.get(request);
		if (add && this.#session?.cancel(add)) {
			this.#adding.delete(request);
			this.#requests.delete(request.number);
			this.#rest();
		} else this.#remove(request, () => {});
	}

	query(): Promise<WebLocksSnapshot> {
		const session = this.#opened();
		return new Promise((resolve, reject) => {
			this.#waiting.add(reject);
			const run = ({ held, pending }: LockState): void => {
				this.#waiting.delete(reject);
				resolve({ held: held.map(infoOf), pending: pending.map(infoOf) });
			};
			session.run({ run, afterGrants: true });
		});
	}

	/** Removes a request from the shared state. Calls `removed` when that is published, and says whether the lock was still held. */
	#remove({ number }: LockRequest, removed: (wasHeld: boolean) => void): void {
		const session = this.#session;
		if (!session) return;
		const run = (state: LockState): void => {
			const isOther = ({ peer, request }: LockEntry): boolean => peer !== session.peer || request !== number;
			const held = state.held.filter(isOther);
			const wasHeld = held.length < state.held.length;
			state.held = held;
			state.pending = state.pending.filter(isOther);
			this.#requests.delete(number);
			// The change is published in this turn of the session, before microtasks run.
			queueMicrotask(() => removed(wasHeld));
		};
		session.run({ run });
	}

	#looked({ held, pending }: LockState, granted: readonly LockEntry[]): void {
		const session = this.#session;
		if (!session) return;
		const isMine = ({ peer }: LockEntry): boolean => peer === session.peer;
		const mine = new Map(held.filter(isMine).map((entry) => [entry.request, entry]));
		const waiting = new Set(pending.filter(isMine).map(({ request }) => request));
		for (const { request: number } of [...granted.filter(isMine), ...mine.values()]) {
			const request = this.#requests.get(number);
			if (request?.state === "pending") this.#grant(request);
		}
		for (const [number, request] of this.#requests) {
			if (mine.has(number) || waiting.has(number) || this.#adding.has(request)) continue;
			this.#requests.delete(number);
			request.end({ error: stolen(request) });
		}
		this.#rest();
	}

	#grant(request: LockRequest): void {
		request.state = "granted";
		// Also if it is stolen before: as on the web, the callback is called then, and the promise is rejected already.
		queueMicrotask(() => {
			if (request.isWithdrawn) return;
			request.call(true, (outcome) => {
				if (request.state === "ended") return;
				this.#remove(request, (wasHeld) => request.end(wasHeld ? outcome : { error: stolen(request) }));
			});
			this.#listen();
		});
	}

	#listen(): void {
		let isPending = false;
		for (const { state } of this.#requests.values()) isPending ||= state === "pending" || state === "granted";
		this.#session?.listen(this.#requests.size > 0, isPending);
	}

	/** Closes the session later, if nothing is left to do. */
	#rest(): void {
		this.#listen();
		if (this.#requests.size > 0 || this.#waiting.size > 0 || this.#idleTimer !== undefined) return;
		this.#idleTimer = setTimeout(() => {
			this.#idleTimer = undefined;
			if (this.#requests.size === 0 && this.#waiting.size === 0) this.#leave();
		}, IDLE_MS);
		this.#idleTimer.unref();
	}

	#leave(): void {
		const session = this.#session;
		this.#session = undefined;
		session?.close();
	}

	/** Ends all requests with an error. A later request opens the names again. */
	#failed(error: unknown): void {
		this.#leave();
		const requests = [...this.#requests.values()];
		const waiting = [...this.#waiting];
		this.#requests.clear();
		this.#adding.clear();
		this.#waiting.clear();
		for (const request of requests) {
			request.isWithdrawn = true;
			request.end({ error });
		}
		for (const reject of waiting) reject(error);
	}

	close(): void {
		clearTimeout(this.#idleTimer);
		this.#idleTimer = undefined;
		this.#failed(new DOMException("The locks of this thread were closed.", "AbortError"));
	}
}

const stolen = ({ checked: { name } }: LockRequest): DOMException =>
	new DOMException(`The lock ${JSON.stringify(name)} was stolen.`, "AbortError");

/** The {@link LockManager} of a prefix in this thread. */
export class WebLockManager implements LockManager {
	readonly #client: LockClient;

	constructor(library: WebLibrary, options: SessionOptions) {
		this.#client = new LockClient(library, options);
	}

	async request<Result>(...args: readonly unknown[]): Promise<Awaited<Result>> {
		const checked = checkRequest(args);
		try {
			return (await this.#client.request(checked)) as Awaited<Result>;
		} catch (error) {
			throw asWeb(error);
		}
	}

	async query(): Promise<WebLocksSnapshot> {
		try {
			return await this.#client.query();
		} catch (error) {
			throw asWeb(error);
		}
	}

	/** Releases what this thread holds, and withdraws its requests. */
	static close(manager: WebLockManager): void {
		manager.#client.close();
	}

	get [Symbol.toStringTag](): string {
		return "LockManager";
	}
}
for (const member of ["request", "query"])
	Object.defineProperty(WebLockManager.prototype, member, { enumerable: true });
Object.defineProperty(WebLockManager, "name", { value: "LockManager", configurable: true });
