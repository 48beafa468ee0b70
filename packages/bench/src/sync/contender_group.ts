import { Mutex, monotonicNs, RwLock, Semaphore, SharedMemory } from "@libipc/core";
import { Station } from "../launcher/station.ts";
import { checkCount } from "./check_count.ts";
import { COPY, COUNTER, type ContenderKind, MEMORY_BYTES, READS_PER_WRITE, type Task, TORN } from "./contender.ts";

/** One that takes part. */
interface Member {
	/** When it had done the task. */
	run(task: Task): Promise<number>;
}

/** By then all have read their task and sleep. */
const START_NS = 10e6;

/** Processes, or threads, that count in the same memory at the same time. */
export class Crew implements AsyncDisposable {
	readonly #prefix = `sync${process.pid}.crew`;
	readonly #members: Member[] = [];
	readonly #stack = new AsyncDisposableStack();
	readonly #names = new Set<string>();
	readonly #words: Int32Array;

	/** @param size as many can take part at once */
	constructor(members: "processes" | "threads", size: number, signal: AbortSignal) {
		this.#stack.defer(() => this.#clear());
		if (members === "processes") {
			const memory = this.#stack.use(SharedMemory.open("counter", { prefix: this.#prefix, size: MEMORY_BYTES }));
			this.#words = memory.words;
			for (let i = 0; i < size; i++) {
				const station = this.#stack.use(new Station(new URL("contender.process.ts", import.meta.url), [], signal));
				this.#members.push({ run: (task) => station.ask(JSON.stringify(task)) });
			}
		} else {
			const shared = new SharedArrayBuffer(MEMORY_BYTES);
			this.#words = new Int32Array(shared);
			for (let i = 0; i < size; i++) this.#members.push(this.#thread(shared));
		}
	}

	#thread(shared: SharedArrayBuffer): Member {
		const worker = new Worker(new URL("contender.worker.ts", import.meta.url));
		this.#stack.defer(() => worker.terminate());
		worker.postMessage(shared);
		return {
			run(task) {
				const { promise, resolve, reject } = Promise.withResolvers<number>();
				worker.onmessage = ({ data }) => resolve(data);
				worker.onerror = ({ message }) => reject(new Error(message));
				worker.postMessage(task);
				return promise;
			},
		};
	}

	/** Nanoseconds until `size` of them had done `count` operations each; rejects if the count is wrong afterwards. */
	async run(kind: ContenderKind, size: number, count: number): Promise<number> {
		// A name for each size: who has it open and does nothing would still be counted as one that wants it.
		const name = `${kind}.${size}`;
		this.#names.add(name);
		this.#words.fill(0);
		const task = { kind, name, prefix: this.#prefix, count, start: monotonicNs() + START_NS };
		const ends = await Promise.all(this.#members.slice(0, size).map((member) => member.run(task)));
		const adding = kind === "rwlock" ? Math.ceil(count / READS_PER_WRITE) : count;
		checkCount(`${kind}, ${size} at once,`, this.#words[COUNTER] as number, size * adding);
		checkCount(`${kind}, ${size} at once, the copy`, this.#words[COPY] as number, size * adding);
		checkCount(`${kind}, ${size} at once, readers that met a writer:`, this.#words[TORN] as number, 0);
		return Math.max(...ends) - task.start;
	}

	#clear(): void {
		for (const name of this.#names)
			for (const kind of [Mutex, RwLock, Semaphore]) kind.clear(name, { prefix: this.#prefix });
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#stack.disposeAsync();
	}
}
