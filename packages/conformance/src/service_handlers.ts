import { sleep } from "@libipc/testing/timing";
import { Service } from "./service_under_test.ts";

/** What the handlers of one server have seen. */
export class Seen {
	/** How many calls of `hang` run. */
	hanging = 0;
	/** How often a call of `hang` or `endless` has been aborted. */
	aborted = 0;
	/** The names of the reasons. */
	readonly reasons: string[] = [];
	/** How many items `count` and `endless` have yielded. */
	yielded = 0;
	/** How many generators have run their `finally` block. */
	finished = 0;
	/** How many calls of `rest` run. */
	resting = 0;
	/** The most of them at once. */
	mostResting = 0;
	/** The first arguments of `note`, in order. */
	readonly notes: unknown[] = [];
}

/** A class, so that methods are found in classes too. */
class Greeter {
	readonly #greeting: string;

	constructor(greeting: string) {
		this.#greeting = greeting;
	}

	greet(name = "you"): string {
		return `${this.#greeting}, ${name}`;
	}
}

/** A service whose methods the tests call. */
export class TestHandlers extends Greeter {
	/** For the test, not for clients: it is no function. */
	readonly seen = new Seen();

	constructor() {
		super("Hello");
	}

	echo<Value>(value: Value): Value {
		return value;
	}

	count(...args: unknown[]): number {
		return args.length;
	}

	nothing(): void {}

	note(value: unknown): void {
		this.seen.notes.push(value);
	}

	async later<Value>(ms: number, value: Value): Promise<Value> {
		await sleep(ms);
		return value;
	}

	bytes(length: number): Uint8Array {
		return new Uint8Array(length).fill(7);
	}

	sum(bytes: Uint8Array | readonly number[]): number {
		let sum = 0;
		for (const byte of bytes) sum += byte;
		return sum;
	}

	/** Waits until it is aborted. */
	readonly hang = Service.withContext(
		({ signal }) =>
			new Promise<void>((_, reject) => {
				this.seen.hanging++;
				const onAbort = () => {
					this.seen.aborted++;
					this.seen.hanging--;
					this.seen.reasons.push((signal.reason as Error).name);
					reject(signal.reason);
				};
				if (signal.aborted) onAbort();
				else signal.addEventListener("abort", onAbort);
			}),
	);

	/** How many calls of `hang` and `rest` run. */
	active(): number {
		return this.seen.hanging + this.seen.resting;
	}

	readonly caller = Service.withContext(({ pid, uid, deadline, method, service, attempt }, value: unknown) => ({
		...{ pid, uid, deadline, method, service, attempt },
		value,
	}));

	async rest(ms: number): Promise<void> {
		const { seen } = this;
		seen.mostResting = Math.max(seen.mostResting, ++seen.resting);
		await sleep(ms);
		seen.resting--;
	}

	async *items(count: number): AsyncGenerator<number> {
		try {
			for (let i = 0; i < count; i++) {
				this.seen.yielded++;
				yield i;
			}
		} finally {
			this.seen.finished++;
		}
	}

	*squares(count: number): Generator<number, string> {
		for (let i = 0; i < count; i++) yield i * i;
		return "all of them";
	}

	readonly ticks = Service.withContext(async function* ({ signal }) {
		for (let i = 0; !signal.aborted; i++) {
			yield i;
			await sleep(1);
		}
	});

	async *breaks(count: number): AsyncGenerator<number> {
		for (let i = 0; i < count; i++) yield i;
		throw new RangeError("no more");
	}

	fails(how: string): void {
		if (how === "type") throw new TypeError("a wrong type");
		if (how === "code") throw Object.assign(new Error("with a code"), { name: "CodedError", code: "E_TEST" });
		if (how === "cause") throw new Error("outer", { cause: new Error("inner", { cause: { depth: 3 } }) });
		if (how === "value") throw { no: "error" };
		if (how === "function") throw Object.assign(new Error("cannot travel"), { cause: () => {} });
		throw new Error(how);
	}

	async rejects(): Promise<void> {
		throw new Error("later");
	}

	unsendable(): unknown {
		return () => {};
	}

	/** Ends the program at once: no `finally` block and no timer runs. */
	exit(): void {
		process.exit(0);
	}

	/** Blocks the event loop of the server. */
	async block(): Promise<void> {
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
	}
}
