import { invalid, show } from "../check/argument.ts";
import { checkIteration } from "../check/call_options.ts";
import { listenTo, throwIfAborted } from "../check/signal.ts";
import type { IterationOptions } from "../endpoint/types.ts";
import { type AnyReceiver, Source } from "./source.ts";

/** What {@link merge} gives for each message: the source that it came from, the place of that source among the arguments, and the message. */
export type Merged<Sources extends readonly AsyncIterable<unknown>[]> = {
	[Place in keyof Sources]: {
		/** The place of the source among the arguments. The type of `message` follows from it. */
		readonly index: Place extends `${infer Index extends number}` ? Index : number;
		/** The receiver, or the other source. */
		readonly from: Sources[Place];
		/** The message: bytes, or a value. */
		readonly message: Sources[Place] extends AsyncIterable<infer Message> ? Message : never;
	};
}[number];

/**
 * The messages of several receivers as one iteration. A receiver that always has messages does not hold up the others: each gets its
 * turn. No message is taken before it is given to the loop, so none is lost when the loop is left. The iteration ends when all
 * receivers were closed. An error names its receiver ({@link IpcError.endpoint}); after it, another loop goes on.
 *
 * A source may also be an iterator such as `queue.leases()` or `sender.peers()`. Of these, one item may be taken before its turn: a
 * lease is put back when the loop is left. Pass a receiver itself, not `receiver.messages()`, so that nothing is lost.
 *
 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`; and, from the iteration, as `messages` of the receivers, or the reason of the aborted
 * `signal`
 * @example
 * import { Channel, merge, Route } from "libipc";
 * import { text } from "libipc/codecs";
 *
 * using prices = Route.receiver("prices", { codec: text() });
 * using orders = Channel.receiver("orders");
 * using sender = Route.sender("prices", { codec: text() });
 * sender.send("42.17");
 * for await (const { from, message } of merge(prices, orders)) {
 *   console.log(from === prices, message); // true 42.17
 *   break;
 * }
 */
export function merge<const Sources extends readonly AsyncIterable<unknown>[]>(
	...sources: Sources
): AsyncIterableIterator<Merged<Sources>, undefined>;
/**
 * The messages of several receivers as one iteration that a signal can end.
 *
 * @throws IpcError as the other form
 * @example
 * import { Channel, merge } from "libipc";
 *
 * using first = Channel.receiver("first");
 * using second = Channel.receiver("second");
 * try {
 *   for await (const { index, message } of merge(first, second, { signal: AbortSignal.timeout(10) }))
 *     console.log(index, message);
 * } catch (reason) {
 *   console.log(String(reason).split(":")[0]); // TimeoutError
 * }
 */
export function merge<const Sources extends readonly AsyncIterable<unknown>[]>(
	...sourcesAndOptions: [...Sources, IterationOptions]
): AsyncIterableIterator<Merged<Sources>, undefined>;
export function merge(...given: readonly unknown[]): AsyncIterableIterator<Item, undefined> {
	const last = given.at(-1);
	const hasOptions = last !== null && typeof last === "object" && !(Symbol.asyncIterator in last);
	const signal = checkIteration("", hasOptions ? (last as IterationOptions) : undefined);
	const sources = hasOptions ? given.slice(0, -1) : given;
	for (const source of sources)
		if (source === null || typeof source !== "object" || !(Symbol.asyncIterator in source))
			throw invalid("", `merge needs receivers, and then perhaps { signal }, not ${show(source)}.`);
	return new Merge(sources as readonly AsyncIterable<unknown>[], signal);
}

interface Item {
	readonly index: number;
	readonly from: unknown;
	readonly message: unknown;
}

type Result = IteratorResult<Item, undefined>;

/** What a source does for a {@link Merge}. */
interface Outlet {
	readonly isWanted: () => boolean;
	readonly put: (message: unknown) => void;
	readonly fail: (error: unknown) => void;
	readonly end: () => void;
}

interface Feed {
	/** Puts a message, now or when there is one. Does nothing if it was called before and still waits. */
	begin(): void;
	/** The loop was left. */
	leave(): Promise<unknown> | undefined;
}

/** An error that nobody wanted yet. */
class Held {
	readonly error: unknown;

	constructor(error: unknown) {
		this.error = error;
	}
}

/** A receiver: its wait may go on when its message is no longer wanted, but takes nothing then. */
class ReceiverFeed implements Feed {
	readonly #source: Source<unknown>;
	readonly #outlet: Outlet;
	readonly #left = new AbortController();
	#isWaiting = false;
	#held: Held | undefined;

	constructor(receiver: AnyReceiver, outlet: Outlet) {
		this.#source = new Source("merge", receiver);
		this.#outlet = outlet;
	}

	begin(): void {
		if (this.#held) {
			const { error } = this.#held;
			this.#held = undefined;
			this.#outlet.fail(error);
		} else if (!this.#isWaiting) this.#wait();
	}

	async #wait(): Promise<void> {
		const { put, isWanted, end, fail } = this.#outlet;
		this.#isWaiting = true;
		try {
			const isOpen = await this.#source.next(put, this.#left.signal, isWanted);
			this.#isWaiting = false;
			if (!isOpen) end();
			// It was asked for again while this wait was ending.
			else if (isWanted()) this.begin();
		} catch (error) {
			this.#isWaiting = false;
			if (this.#left.signal.aborted) return;
			if (isWanted()) fail(error);
			else this.#held = new Held(error);
		}
	}

	leave(): undefined {
		this.#left.abort();
	}
}

/** Another iterable: at most one item is taken before it is wanted. */
class IterableFeed implements Feed {
	readonly #iterator: AsyncIterator<unknown>;
	readonly #outlet: Outlet;
	#isWaiting = false;
	#isLeft = false;
	/** An item that came when it was not wanted, or an error. */
	#held: { readonly item: unknown } | Held | undefined;

	constructor(source: AsyncIterable<unknown>, outlet: Outlet) {
		this.#iterator = source[Symbol.asyncIterator]();
		this.#outlet = outlet;
	}

	begin(): void {
		const held = this.#held;
		this.#held = undefined;
		if (held instanceof Held) this.#outlet.fail(held.error);
		else if (held) this.#outlet.put(held.item);
		if (!this.#isWaiting && this.#outlet.isWanted()) this.#wait();
	}

	async #wait(): Promise<void> {
		const { isWanted, end, fail } = this.#outlet;
		this.#isWaiting = true;
		try {
			const { value, done } = await this.#iterator.next();
			this.#isWaiting = false;
			if (done) end();
			else if (this.#isLeft) giveBack(value);
			else {
				this.#held = { item: value };
				if (isWanted()) this.begin();
			}
		} catch (error) {
			this.#isWaiting = false;
			if (this.#isLeft) return;
			if (isWanted()) fail(error);
			else this.#held = new Held(error);
		}
	}

	leave(): Promise<unknown> | undefined {
		this.#isLeft = true;
		if (this.#held && !(this.#held instanceof Held)) giveBack(this.#held.item);
		this.#held = undefined;
		return this.#iterator.return?.();
	}
}

/** A lease: its message is put back. */
function giveBack(item: unknown): void {
	if (item !== null && typeof item === "object" && Symbol.dispose in item) (item as Disposable)[Symbol.dispose]();
}

/** A call of `next` that waits. */
interface Wanted {
	resolve(result: Result): void;
	reject(reason: unknown): void;
}

class Merge implements AsyncIterableIterator<Item, undefined> {
	/** Those that have not ended, in the order in which they get their turns. */
	readonly #feeds: Feed[];
	readonly #signal: AbortSignal | undefined;
	readonly #unlisten: (() => void) | undefined;
	/** The calls of `next` that wait, oldest first. */
	readonly #wanted: Wanted[] = [];
	#isLeft = false;

	constructor(sources: readonly AsyncIterable<unknown>[], signal: AbortSignal | undefined) {
		this.#signal = signal;
		this.#feeds = sources.map((source, index) => this.#feedOf(source, index));
		this.#unlisten = signal && listenTo(signal, () => this.#abort(signal));
	}

	#feedOf(source: AsyncIterable<unknown>, index: number): Feed {
		const outlet: Outlet = {
			isWanted: () => this.#wanted.length > 0,
			put: (message) => {
				this.#moveToEnd(feed);
				this.#wanted.shift()?.resolve({ value: { index, from: source, message }, done: false });
			},
			fail: (error) => {
				this.#moveToEnd(feed);
				this.#wanted.shift()?.reject(error);
			},
			end: () => {
				const place = this.#feeds.indexOf(feed);
				if (place >= 0) this.#feeds.splice(place, 1);
				if (this.#feeds.length === 0) this.#finish();
			},
		};
		const feed: Feed =
			"tryRecv" in source ? new ReceiverFeed(source as AnyReceiver, outlet) : new IterableFeed(source, outlet);
		return feed;
	}

	/** The others have their turns before it. */
	#moveToEnd(feed: Feed): void {
		const place = this.#feeds.indexOf(feed);
		if (place < 0) return;
		this.#feeds.splice(place, 1);
		this.#feeds.push(feed);
	}

	#finish(): void {
		this.#unlisten?.();
		for (const wanted of this.#wanted.splice(0)) wanted.resolve({ value: undefined, done: true });
	}

	#abort(signal: AbortSignal): void {
		const all = this.#wanted.splice(0);
		this.#leave().catch(() => {}); // the reason of the signal is what matters
		try {
			throwIfAborted(signal);
		} catch (reason) {
			for (const wanted of all) wanted.reject(reason);
		}
	}

	async next(): Promise<Result> {
		throwIfAborted(this.#signal);
		if (this.#isLeft || this.#feeds.length === 0) return { value: undefined, done: true };
		return new Promise<Result>((resolve, reject) => {
			const wanted = { resolve, reject };
			this.#wanted.push(wanted);
			for (const feed of [...this.#feeds]) {
				if (!this.#wanted.includes(wanted)) return;
				feed.begin();
			}
		});
	}

	async #leave(): Promise<void> {
		this.#isLeft = true;
		this.#unlisten?.();
		await Promise.all(this.#feeds.map((feed) => feed.leave()));
	}

	async return(): Promise<Result> {
		this.#finish();
		await this.#leave();
		return { value: undefined, done: true };
	}

	[Symbol.asyncIterator](): this {
		return this;
	}
}
