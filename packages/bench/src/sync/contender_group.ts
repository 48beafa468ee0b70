import { Mutex, monotonicNs, RwLock, Semaphore, SharedMemory } from "libipc";
import type { Program } from "../launcher/program.ts";
import { startProgram, type Transport } from "../launcher/start_program.ts";
import { checkCount } from "./check_count.ts";
import {
	COPY,
	COUNTER,
	type ContenderKind,
	type ContenderOrder,
	type ContenderReport,
	MEMORY_BYTES,
	READS_PER_WRITE,
	TORN,
} from "./contender.ts";

/** By then every contender has its task and sleeps. */
const START_NS = 10e6;

/** Processes, or Workers, that count in the same memory at the same time. */
export class ContenderGroup implements AsyncDisposable {
	readonly #prefix = `sync${process.pid}.contenders`;
	readonly #contenders: Program<ContenderOrder, ContenderReport>[] = [];
	/** Without it a process that starts slowly would begin its first task when the others have ended theirs. */
	readonly #ready: Promise<unknown>;
	readonly #stack = new AsyncDisposableStack();
	readonly #names = new Set<string>();
	readonly #words: Int32Array;

	/** @param size as many can compete at once */
	constructor(transport: Transport, size: number, signal: AbortSignal) {
		this.#stack.defer(() => this.#clear());
		const shared = new SharedArrayBuffer(MEMORY_BYTES);
		if (transport === "worker") this.#words = new Int32Array(shared);
		else {
			const memory = this.#stack.use(SharedMemory.open("counter", { prefix: this.#prefix, size: MEMORY_BYTES }));
			this.#words = memory.words;
		}
		for (let i = 0; i < size; i++) {
			const contender = this.#stack.use(
				startProgram<ContenderOrder, ContenderReport>(transport, {
					name: `contender ${i}`,
					program: new URL("contender.program.ts", import.meta.url),
					signal,
				}),
			);
			this.#contenders.push(contender);
			contender.send({ shared: transport === "worker" ? shared : undefined });
		}
		this.#ready = Promise.all(this.#contenders.map((contender) => contender.report()));
		// A failure is thrown by the first run.
		this.#ready.catch(() => {});
	}

	/** Nanoseconds until `size` of them had done `count` operations each; rejects if the count is wrong afterwards. */
	async run(kind: ContenderKind, size: number, count: number): Promise<number> {
		await this.#ready;
		// A name for each size: a contender that has the lock open and does nothing would still count as one that may want it.
		const name = `${kind}.${size}`;
		this.#names.add(name);
		this.#words.fill(0);
		const contenders = this.#contenders.slice(0, size);
		const start = monotonicNs() + START_NS;
		for (const contender of contenders) contender.send({ kind, name, prefix: this.#prefix, count, start });
		const ends = await Promise.all(contenders.map(async (contender) => Number(await contender.report())));
		const adding = kind === "rwlock" ? Math.ceil(count / READS_PER_WRITE) : count;
		checkCount(`${kind}, ${size} at once,`, this.#words[COUNTER] as number, size * adding);
		checkCount(`${kind}, ${size} at once, the copy`, this.#words[COPY] as number, size * adding);
		checkCount(`${kind}, ${size} at once, readers that met a writer:`, this.#words[TORN] as number, 0);
		return Math.max(...ends) - start;
	}

	#clear(): void {
		for (const name of this.#names)
			for (const kind of [Mutex, RwLock, Semaphore]) kind.clear(name, { prefix: this.#prefix });
		SharedMemory.clear("counter", { prefix: this.#prefix });
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.#stack.disposeAsync();
	}
}
