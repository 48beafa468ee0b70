/**
 * One of everything that a process can hold: an endpoint of each kind, a loan, a lease, and each kind of lock. A program holds
 * them, and another program watches them: while the first one runs, nothing may be taken from it, and once it has ended,
 * everything must be given back.
 */
import { text } from "@libipc/testing/text";
import {
	Channel,
	Condition,
	clear,
	type Handle,
	type IpcError,
	list,
	Mutex,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
} from "./under_test.ts";

/** How long a watcher waits for what must come: longer than the longest stop of a holder. */
const PATIENCE = { timeout: 120_000 };

/** What a watcher reports once the holder has ended, in any order. */
export const givenBack: Readonly<Record<string, unknown>> = {
	"the route's receivers see the sender's end": "died",
	"the route accepts a sender": true,
	"the channel's sender has space": { sent: true, receiverCount: 1 },
	"the record of the loan is skipped": "after the loan",
	"the job is taken again": { job: "job", attempt: 2 },
	"the mutex": { ownerDied: true },
	"the reader-writer lock that was held for writing": { ownerDied: true },
	"the reader-writer lock that was held for reading": { ownerDied: false },
	"the permit": { recovered: 1 },
	"the condition has no wait": 0,
	"the shared memory has one handle": 1,
};

/** Of those, what a watcher learns that can open no file. */
const WITHOUT_FILES: readonly string[] = [
	"the route's receivers see the sender's end",
	"the channel's sender has space",
	"the record of the loan is skipped",
	"the job is taken again",
	"the mutex",
	"the reader-writer lock that was held for writing",
	"the reader-writer lock that was held for reading",
	"the permit",
];

export const givenBackWithoutFiles: Readonly<Record<string, unknown>> = Object.fromEntries(
	WITHOUT_FILES.map((what) => [what, givenBack[what]]),
);

/** What a watcher reports while the holder runs. */
export const held: object = {
	sent: false,
	received: null,
	lease: null,
	mutex: false,
	"written lock": false,
	"read lock": false,
	permit: null,
	files: { route: "ERR_IPC_HAS_SENDER", dead: [], cleared: [] },
};

/** The same of a watcher that can open no file. */
export const heldWithoutFiles: object = { ...held, files: null };

/** The word of the shared memory that says that the holder holds everything. */
const READY = 0;

interface Options {
	readonly prefix: string;
	readonly permissions: number;
}

const openWatched = (name: string, options: Options) => ({
	routed: Route.receiver(`${name}.route`, options),
	sender: Channel.sender(`${name}.full`, { ...options, capacity: 4096 }),
	receiver: Channel.receiver(`${name}.full`, options),
	besides: Channel.sender(`${name}.loan`, options),
	lent: Channel.receiver(`${name}.loan`, options),
	jobs: Queue.sender(`${name}.queue`, options),
	worker: Queue.receiver(`${name}.queue`, options),
	mutex: Mutex.open(`${name}.mutex`, options),
	written: RwLock.open(`${name}.written`, options),
	read: RwLock.open(`${name}.read`, options),
	semaphore: Semaphore.open(`${name}.semaphore`, { ...options, initial: 1, robust: true }),
	condition: Condition.open(`${name}.condition`, options),
	guard: Mutex.open(`${name}.guard`, options),
	memory: SharedMemory.open(`${name}.memory`, { ...options, size: 64 }),
});

/** Holds one of everything. A watcher must have opened the names before. */
export function holdEverything(name: string, options: Options): readonly unknown[] {
	const sender = Route.sender(`${name}.route`, options);
	const receiver = Channel.receiver(`${name}.full`, options);
	const loan = Channel.sender(`${name}.loan`, options).loan(100);
	const lease = Queue.receiver(`${name}.queue`, options).take(PATIENCE);
	const mutex = Mutex.open(`${name}.mutex`, options).acquire(PATIENCE);
	const written = RwLock.open(`${name}.written`, options).acquire(PATIENCE);
	const read = RwLock.open(`${name}.read`, options).acquireShared(PATIENCE);
	const permit = Semaphore.open(`${name}.semaphore`, { ...options, initial: 1, robust: true }).acquire(PATIENCE);
	const guard = Mutex.open(`${name}.guard`, options);
	guard.lock();
	const wait = Condition.open(`${name}.condition`, options).waitAsync(guard);
	const memory = SharedMemory.open(`${name}.memory`, { ...options, size: 64 });
	const all = [sender, receiver, loan, lease, mutex, written, read, permit, guard, wait, memory];
	// Without the check, a loan or lease that was refused would look like one that was given back.
	for (const [i, each] of all.entries()) if (each === null) throw new Error(`the holder got nothing: ${i}`);
	Atomics.store(memory.words, READY, 1);
	memory.wake(READY * 4);
	return all;
}

/** The other side of {@link holdEverything}. */
export class Watcher {
	readonly #name: string;
	readonly #options: Options;
	readonly #watched: ReturnType<typeof openWatched>;
	readonly #ended: Promise<string>;
	readonly #hasFiles: boolean;

	/** @param hasFiles whether it can still open names once it has begun */
	constructor(name: string, options: Options, hasFiles: boolean) {
		this.#name = name;
		this.#hasFiles = hasFiles;
		this.#options = options;
		this.#watched = openWatched(name, options);
		const { jobs, routed } = this.#watched;
		jobs.send("job");
		this.#ended = this.#endOf(routed.peers());
	}

	/** How the sender of the route has ended. */
	async #endOf(peers: AsyncIterable<{ readonly type: string; readonly role: string }>): Promise<string> {
		for await (const { type, role } of peers) if (type !== "joined" && role === "sender") return type;
		return "nothing";
	}

	#listed = () => list({ prefix: this.#options.prefix }).filter(({ name }) => name.startsWith(`${this.#name}.`));

	/** Waits until the holder holds everything, and fills the ring that the holder does not read. */
	async begin(): Promise<void> {
		const { memory, sender, receiver } = this.#watched;
		if ((await memory.waitOnAsync(READY * 4, 0, PATIENCE)) === "timed-out") throw new Error("the holder did not come");
		while (sender.trySend(new Uint8Array(100)));
		while (receiver.tryRecv());
	}

	/** Tries to get what the holder has, in the event loop and in blocking calls: longer than it takes to find the dead. */
	async tryToGet(): Promise<object> {
		const { sender, lent, worker, mutex, written, read, semaphore } = this.#watched;
		const wait = { timeout: 1000 };
		const [sent, received, lease, locked, writing, reading, permit] = await Promise.all([
			sender.sendAsync(new Uint8Array(100), wait),
			lent.recvAsync(wait),
			worker.takeAsync(wait),
			mutex.lockAsync(wait),
			written.lockAsync(wait),
			read.lockAsync(wait),
			semaphore.acquireAsync(wait),
		]);
		const blocking = { timeout: 450 };
		return {
			sent: sent || sender.send(new Uint8Array(100), blocking),
			received: received && text(received),
			lease: lease && text(lease.bytes),
			mutex: locked || mutex.lock(blocking),
			"written lock": writing,
			"read lock": reading,
			permit: permit && "got",
			files: this.#hasFiles ? this.#lookAtFiles() : null,
		};
	}

	#lookAtFiles(): object {
		return {
			route: this.#openRoute(),
			dead: this.#listed().flatMap(({ kind, name, endpoints }) =>
				endpoints.filter(({ alive }) => !alive).map(({ role, pid }) => [kind, name, role, pid]),
			),
			cleared: clear({ prefix: this.#options.prefix }).map(({ kind, name }) => [kind, name]),
		};
	}

	/** Whether there can be a sender of the route, or why not. */
	#openRoute(): string | true {
		try {
			Route.sender(`${this.#name}.route`, this.#options).close();
			return true;
		} catch (error) {
			return (error as IpcError).code;
		}
	}

	/** Reports each thing that it gets once the holder has ended. */
	async getEverything(report: (what: string, value: unknown) => void): Promise<void> {
		const { sender, besides, lent, worker, mutex, written, read, semaphore, condition, guard, memory } = this.#watched;
		besides.send("after the loan");
		const lock = async (one: typeof mutex | typeof written) => {
			using guard = await one.acquireAsync(PATIENCE);
			return guard && { ownerDied: guard.ownerDied };
		};
		const all: Readonly<Record<string, () => Promise<unknown>>> = {
			"the route's receivers see the sender's end": () => this.#ended,
			"the route accepts a sender": async () => {
				await this.#ended;
				return this.#openRoute();
			},
			"the channel's sender has space": async () => ({
				sent: await sender.sendAsync(new Uint8Array(100), PATIENCE),
				receiverCount: sender.receiverCount,
			}),
			"the record of the loan is skipped": async () => {
				const message = await lent.recvAsync(PATIENCE);
				return message && text(message);
			},
			"the job is taken again": async () => {
				const lease = await worker.takeAsync(PATIENCE);
				const taken = lease && { job: text(lease.bytes), attempt: lease.attempt };
				lease?.done();
				return taken;
			},
			"the mutex": () => lock(mutex),
			"the reader-writer lock that was held for writing": () => lock(written),
			"the reader-writer lock that was held for reading": () => lock(read),
			"the permit": async () => {
				(await semaphore.acquireAsync(PATIENCE))?.release();
				return { recovered: semaphore.recovered };
			},
			"the condition has no wait": async () => {
				// The end of the process is known from the route, and an open removes what dead handles have left.
				await this.#ended;
				// A process that a fatal signal has reached may take a moment to end.
				const patience = performance.now() + 10_000;
				const handles = () => this.#listed().find(({ kind }) => kind === "condition")?.endpoints.length ?? 0;
				do {
					Condition.open(`${this.#name}.condition`, this.#options).close();
					await new Promise((resolve) => setTimeout(resolve, 1));
				} while (handles() > 1 && performance.now() < patience);
				guard.lock();
				const notified = condition.notify();
				guard.unlock();
				return notified;
			},
			"the shared memory has one handle": async () => {
				await this.#ended;
				SharedMemory.open(memory.name, { ...this.#options, size: 64 }).close();
				const { endpoints } = this.#listed().find(({ kind }) => kind === "memory") ?? {};
				return endpoints?.filter(({ alive }) => alive).length;
			},
		};
		const wanted = Object.entries(all).filter(([what]) => this.#hasFiles || WITHOUT_FILES.includes(what));
		await Promise.all(wanted.map(async ([what, get]) => report(what, await get())));
	}

	close(): void {
		for (const each of Object.values<Pick<Handle, "close">>(this.#watched)) each.close();
	}
}
