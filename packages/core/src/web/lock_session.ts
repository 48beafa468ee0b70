import { threadId } from "node:worker_threads";
import { Source } from "../adapter/source.ts";
import type { PeerEvent, Receiver, Sender } from "../endpoint/types.ts";
import { environmentVariable } from "../environment_variable.ts";
import type { Mutex } from "../lock/mutex.ts";
import type { SharedMemory } from "../lock/shared_memory.ts";
import { LockMemory } from "./lock_memory.ts";
import { grant, type LockEntry, type LockState } from "./lock_state.ts";
import type { WebLibrary } from "./web_library.ts";

/** The names of libipc behind the locks of a prefix. */
const EVENTS = "web.locks.events";
const MUTEX = "web.locks.mutex";
const STATE = "web.locks.state";

/** As many threads as libipc can have. */
const MOST_THREADS = 1024;
const MEMORY_BYTES = 4096;
const CHANGED = new Uint8Array(1);

export interface SessionOptions {
	readonly prefix: string | undefined;
	readonly permissions: number | undefined;
}

/** Changes the state, or reads it. */
export interface Operation {
	readonly run: (state: LockState) => void;
	/** Whether it matters which of the earlier requests have been granted. */
	readonly afterGrants?: boolean;
}

/** What the owner of a session does. */
export interface SessionEvents {
	/** The state has been read, and perhaps changed. `granted`: what this call has granted, also if it was stolen since. */
	looked(state: LockState, granted: readonly LockEntry[]): void;
	/** Another client may have changed what concerns this one. */
	mustLook(): void;
	/** The session cannot be used any more. */
	failed(error: unknown): void;
}

/**
 * A client of the locks of a prefix: a thread that has the shared state open.
 *
 * - The channel tells clients that the state has changed, and which clients have left or died. The number of the client's sender is its
 *   number in the state. The channel overwrites its oldest messages: a client that does not read delays nobody, and "look again" need not
 *   be said twice.
 * - The mutex is held for one read and write of the state, never across a turn of the event loop.
 * - The channel is opened before the memory and closed after it. So while the memory exists, a client has the channel open, and no number of
 *   a sender is used twice in the state.
 */
export class LockSession {
	readonly #library: WebLibrary;
	readonly #prefix: string;
	readonly #events: SessionEvents;
	readonly #receiver: Receiver;
	readonly #sender: Sender;
	readonly #mutex: Mutex;
	readonly #sharedMemory: SharedMemory;
	readonly #memory: LockMemory;
	readonly #source: Source<Uint8Array>;
	readonly #stop = new AbortController();
	readonly clientId: string;
	/** The number of this client in the state. */
	readonly peer: number;
	#operations: Operation[] = [];
	/** Clients that have left or died, and whose entries must go. */
	#gone = new Set<number>();
	/** Whether clients that died before this one joined have been looked for. */
	#hasSwept = false;
	#isRunning = false;
	#isListening = false;
	#isClosed = false;

	constructor(library: WebLibrary, { prefix, permissions }: SessionOptions, events: SessionEvents) {
		this.#library = library;
		this.#prefix = prefix ?? (environmentVariable("LIBIPC_PREFIX") || "");
		this.#events = events;
		const opened: { close(): void }[] = [];
		const keep = <Opened extends { close(): void }>(endpoint: Opened): Opened => {
			opened.unshift(endpoint);
			return endpoint;
		};
		const handle = { prefix, permissions, maxHandles: MOST_THREADS };
		const channel = {
			...{ prefix, permissions, capacity: 4096, maxReceivers: MOST_THREADS },
			...{ overflow: "drop-oldest" as const, stamp: true },
		};
		try {
			const onPeer = (event: PeerEvent): void => this.#peer(event);
			this.#receiver = keep(library.Channel.receiver(EVENTS, { ...channel, onPeer })).unref();
			this.#sender = keep(library.Channel.sender(EVENTS, channel));
			this.#mutex = keep(library.Mutex.open(MUTEX, handle));
			this.#sharedMemory = keep(library.SharedMemory.open(STATE, { ...handle, size: MEMORY_BYTES }));
			const nonce = crypto.getRandomValues(new Uint8Array(16));
			this.peer = this.#numberOfSender(nonce);
			this.clientId = `${process.pid}.${threadId}.${Buffer.from(nonce).toString("hex")}`;
		} catch (error) {
			for (const each of opened) each.close();
			throw error;
		}
		this.#memory = new LockMemory(this.#sharedMemory);
		this.#source = new Source("locks", this.#receiver);
	}

	/** The number that the stamps of this client's messages have. */
	#numberOfSender(nonce: Uint8Array): number {
		for (;;) {
			// Other clients may overwrite it before it is read: then it is sent again.
			this.#sender.send(nonce);
			for (let message = this.#receiver.tryRecv(); message; message = this.#receiver.tryRecv())
				if (Buffer.compare(message, nonce) === 0) return this.#receiver.lastStamp?.sender ?? 0;
		}
	}

	#peer({ type, role, id }: PeerEvent): void {
		if (role !== "sender" || type === "joined" || this.#isClosed) return;
		this.#gone.add(id);
		this.#start();
	}

	/** Runs an operation under the mutex: at the end of this turn's code, or when the mutex is free. */
	run(operation: Operation): void {
		this.#operations.push(operation);
		this.#start();
	}

	/** Forgets an operation that has not run. */
	cancel(operation: Operation): boolean {
		const at = this.#operations.indexOf(operation);
		if (at >= 0) this.#operations.splice(at, 1);
		return at >= 0;
	}

	#start(): void {
		if (this.#isRunning) return;
		this.#isRunning = true;
		// The code that runs now may request more, or abort what it has requested.
		queueMicrotask(() => this.#work());
	}

	async #work(): Promise<void> {
		try {
			while (!this.#isClosed && (this.#operations.length > 0 || this.#gone.size > 0)) {
				if (!this.#mutex.tryLock()) await this.#mutex.lockAsync();
				this.#turn();
			}
			this.#isRunning = false;
		} catch (error) {
			this.#isRunning = false;
			if (!this.#isClosed) this.#events.failed(error);
		}
	}

	/** Reads the state, changes it and publishes it. The mutex is held, and free afterwards. */
	#turn(): void {
		let state: LockState;
		let isForOthers = false;
		const granted: LockEntry[] = [];
		try {
			state = this.#memory.read();
			const before = JSON.stringify(state);
			isForOthers = this.#sweep(state);
			const othersHeld = state.held.filter(({ peer }) => peer !== this.peer).length;
			for (const { run, afterGrants } of this.#operations.splice(0)) {
				if (afterGrants) granted.push(...grant(state));
				run(state);
			}
			// A lock was stolen.
			isForOthers ||= state.held.filter(({ peer }) => peer !== this.peer).length < othersHeld;
			granted.push(...grant(state));
			isForOthers ||= granted.some(({ peer }) => peer !== this.peer);
			if (JSON.stringify(state) !== before) this.#memory.write(state);
		} finally {
			this.#mutex.unlock();
		}
		if (isForOthers) this.#tellOthers();
		this.#events.looked(state, granted);
	}

	/** Removes the entries of clients that are gone. Returns whether there were any. */
	#sweep(state: LockState): boolean {
		const gone = this.#gone;
		this.#gone = new Set();
		const count = state.held.length + state.pending.length;
		if (!this.#hasSwept) {
			this.#hasSwept = true;
			if (count === 0) return false;
			// Each entry's client had its sender open before: one that is not open now is gone, also if nobody has noticed yet.
			const live = this.#liveSenders();
			for (const { peer } of [...state.held, ...state.pending]) if (!live.has(peer)) gone.add(peer);
		}
		if (gone.size === 0 || count === 0) return false;
		const isThere = ({ peer }: { peer: number }): boolean => !gone.has(peer);
		state.held = state.held.filter(isThere);
		state.pending = state.pending.filter(isThere);
		return state.held.length + state.pending.length !== count;
	}

	#liveSenders(): Set<number> {
		const found = this.#library
			.list({ prefix: this.#prefix })
			.find(({ kind, name, prefix }) => kind === "channel" && name === EVENTS && prefix === this.#prefix);
		const senders = found?.endpoints.filter(({ role, alive }) => role === "sender" && alive) ?? [];
		return new Set([this.peer, ...senders.map(({ instance }) => instance)]);
	}

	/** If this process is killed before, the others notice the death and look, too. */
	#tellOthers(): void {
		// Refused, if another client is just sending: that one may be killed before its message is there.
		if (!this.#sender.trySend(CHANGED)) this.#sender.sendAsync(CHANGED).catch((error) => this.#fail(error));
	}

	/** Whether to listen for changes by other clients, and whether that keeps the process alive. */
	listen(yes: boolean, keepsAlive: boolean): void {
		if (keepsAlive) this.#receiver.ref();
		else this.#receiver.unref();
		if (yes && !this.#isListening) this.#listen();
		this.#isListening = yes;
	}

	#hasLoop = false;

	async #listen(): Promise<void> {
		if (this.#hasLoop) return;
		this.#hasLoop = true;
		const heard = (): void => {
			while (this.#receiver.tryRecv());
			if (this.#isListening) this.#events.mustLook();
		};
		try {
			while (await this.#source.next(heard, this.#stop.signal));
		} catch (error) {
			this.#fail(error);
		}
		this.#hasLoop = false;
	}

	#fail(error: unknown): void {
		if (!this.#isClosed) this.#events.failed(error);
	}

	/** Leaves: removes the entries of this client. If another client has the mutex now, the others do that when they notice. */
	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		try {
			if (this.#mutex.tryLock()) {
				this.#operations = [];
				this.#gone.add(this.peer);
				this.#turn();
			}
		} catch {
			// The name was removed, or is damaged: there is nothing to leave.
		}
		this.#stop.abort();
		this.#sharedMemory.close();
		this.#mutex.close();
		this.#sender.close();
		this.#receiver.close();
	}
}
