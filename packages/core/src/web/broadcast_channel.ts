import { NotCloneable } from "../codecs/structured_writer.ts";
import { BroadcastHub, type Delivery, type Destination, type HubOptions } from "./broadcast_hub.ts";
import { EventHandler } from "./event_handler.ts";
import type { WebLibrary } from "./web_library.ts";

/** The event `messageerror` of a {@link BroadcastChannel}: messages that this object did not get. Its `data` is null. */
export interface BroadcastErrorEvent extends MessageEvent {
	// Not a type argument: MessageEvent has none in the types of Node.
	/** Always null. */
	readonly data: null;
	/**
	 * How many messages were lost here, because senders had overwritten them before this thread read them. (A message larger than a
	 * sixteenth of `capacity` counts once for each such part.) 0: a message could not be read, or {@link error} says why none will come.
	 */
	readonly lost: number;
	/** Why a message could not be read, or why the channel cannot be used any more; `undefined`: messages were lost. */
	readonly error: unknown;
}

/**
 * The `BroadcastChannel` of the web, across processes and threads: what is posted to one object reaches all other objects of the same name
 * in all processes of this user, as the event `message`. Values are cloned as by `structuredClone`.
 *
 * `postMessage` never waits. A thread that does not read for a second, while the others post more than the ring holds, loses the oldest
 * messages, and learns how many by the event `messageerror` ({@link BroadcastErrorEvent}). Nobody else is delayed by it.
 *
 * @example
 * import { BroadcastChannel } from "libipc/web";
 *
 * const news = new BroadcastChannel("news"); // in each process
 * const other = new BroadcastChannel("news");
 * const heard = new Promise<void>((resolve) => {
 *   news.onmessage = ({ data }) => {
 *     console.log(data.title); // libipc has a BroadcastChannel
 *     resolve();
 *   };
 * });
 * other.postMessage({ title: "libipc has a BroadcastChannel" });
 * await heard;
 * news.close();
 * other.close();
 */
export interface BroadcastChannel extends EventTarget, Disposable {
	/** The name that it was made with. */
	readonly name: string;
	/** Called with each message. */
	onmessage: ((this: BroadcastChannel, event: MessageEvent) => unknown) | null;
	/** Called when messages were lost, or cannot be read. */
	onmessageerror: ((this: BroadcastChannel, event: BroadcastErrorEvent) => unknown) | null;
	/**
	 * Sends a clone of a value to all other objects of this name.
	 *
	 * @throws DOMException `DataCloneError` if the value cannot be cloned; `InvalidStateError` after {@link close};
	 * `QuotaExceededError` if too many bytes of this thread wait to be sent ({@link WebOptions.maxPending}): nothing of this message was
	 * sent. And what a getter of the value throws. If the name was removed ({@link Api.clear}), IpcError `ERR_IPC_ORPHANED`.
	 * @example
	 * import { BroadcastChannel } from "libipc/web";
	 *
	 * using channel = new BroadcastChannel("news");
	 * channel.postMessage(new Map([["title", "hello"]]));
	 * try {
	 *   channel.postMessage(() => {});
	 * } catch (error) {
	 *   console.log((error as DOMException).name); // DataCloneError
	 * }
	 */
	postMessage(message: unknown): void;
	/**
	 * Closes the object: it gets no event any more, also of messages that were posted before. What it has posted is still sent.
	 *
	 * @example
	 * import { BroadcastChannel } from "libipc/web";
	 *
	 * const channel = new BroadcastChannel("news");
	 * channel.close();
	 */
	close(): void;
	/**
	 * The object keeps the process alive until it is closed. This is the state of a new object, as in all runtimes.
	 *
	 * @returns this object
	 * @example
	 * import { BroadcastChannel } from "libipc/web";
	 *
	 * const channel = new BroadcastChannel("news").unref();
	 * channel.ref();
	 * channel.close();
	 */
	ref(): this;
	/**
	 * The object does not keep the process alive.
	 *
	 * @returns this object
	 * @example
	 * import { BroadcastChannel } from "libipc/web";
	 *
	 * const channel = new BroadcastChannel("news").unref();
	 * channel.onmessage = ({ data }) => console.log(data);
	 * channel.close();
	 */
	unref(): this;
}

/** Makes objects of the class {@link BroadcastChannel}. */
export interface BroadcastChannelConstructor {
	/**
	 * Opens a channel.
	 *
	 * @param name - Any string. Objects of the same name, in the same prefix, get each other's messages.
	 * @throws IpcError as opening a receiver and a sender of a `Channel`
	 */
	new (name: string): BroadcastChannel;
	/** What all objects inherit. */
	readonly prototype: BroadcastChannel;
}

/** The hubs of this thread, by the names of their channels. */
export class BroadcastHubs {
	readonly #library: WebLibrary;
	readonly #options: HubOptions;
	readonly #hubs = new Map<string, BroadcastHub>();
	#objects = 0;
	/** How often {@link close} was called: an object that was made before is closed. */
	closings = 0;

	constructor(library: WebLibrary, options: HubOptions) {
		this.#library = library;
		this.#options = options;
	}

	/** A number for a destination. */
	next(): number {
		this.#objects = (this.#objects + 1) >>> 0;
		return this.#objects;
	}

	open(name: string): BroadcastHub {
		const known = this.#hubs.get(name);
		if (known?.mayAdd()) return known;
		const hub = new BroadcastHub(this.#library, name, this.#options, () => {
			if (this.#hubs.get(name) === hub) this.#hubs.delete(name);
		});
		this.#hubs.set(name, hub);
		return hub;
	}

	close(): void {
		this.closings++;
		for (const hub of [...this.#hubs.values()]) hub.close();
	}
}

function eventOf(delivery: Delivery): MessageEvent {
	if ("data" in delivery) {
		const message = new MessageEvent("message", { data: delivery.data });
		// The constructor takes undefined for nothing, and makes null of it.
		return delivery.data === undefined ? Object.defineProperty(message, "data", { value: undefined }) : message;
	}
	const event = new MessageEvent("messageerror", { data: null });
	return Object.defineProperties(event, {
		lost: { value: delivery.lost ?? 0, enumerable: true },
		error: { value: delivery.error, enumerable: true },
	});
}

/** Makes the class of the objects that use these hubs. */
export function createBroadcastChannelClass(hubs: BroadcastHubs): BroadcastChannelConstructor {
	class BroadcastChannelObject extends EventTarget implements BroadcastChannel {
		readonly #name: string;
		readonly #hub: BroadcastHub;
		readonly #onmessage = new EventHandler<MessageEvent>(this, "message");
		readonly #onmessageerror = new EventHandler<BroadcastErrorEvent>(this, "messageerror");
		readonly #destination: Destination & { keepsAlive: boolean };
		readonly #madeAfter = hubs.closings;
		#wasClosed = false;

		constructor(name: string) {
			super();
			// biome-ignore lint/complexity/noArguments: `undefined` is a name, and no argument is an error
			if (arguments.length === 0) throw new TypeError("BroadcastChannel needs a name.");
			this.#name = `${name}`;
			this.#hub = hubs.open(this.#name);
			this.#destination = {
				number: hubs.next(),
				keepsAlive: true,
				deliver: (delivery) => void this.dispatchEvent(eventOf(delivery)),
			};
			this.#hub.add(this.#destination);
		}

		get name(): string {
			return this.#name;
		}

		get #isClosed(): boolean {
			return this.#wasClosed || this.#madeAfter !== hubs.closings;
		}

		get onmessage(): BroadcastChannel["onmessage"] {
			return this.#onmessage.value;
		}

		set onmessage(handler: BroadcastChannel["onmessage"]) {
			this.#onmessage.value = handler;
		}

		get onmessageerror(): BroadcastChannel["onmessageerror"] {
			return this.#onmessageerror.value;
		}

		set onmessageerror(handler: BroadcastChannel["onmessageerror"]) {
			this.#onmessageerror.value = handler;
		}

		postMessage(message: unknown): void {
			// biome-ignore lint/complexity/noArguments: `undefined` is a message, and no argument is an error
			if (arguments.length === 0) throw new TypeError("postMessage needs a message.");
			if (this.#isClosed)
				throw new DOMException(`The BroadcastChannel ${JSON.stringify(this.#name)} is closed.`, "InvalidStateError");
			try {
				this.#hub.post(this.#destination, message);
			} catch (error) {
				if (error instanceof NotCloneable) throw new DOMException(error.message, "DataCloneError");
				throw error;
			}
		}

		close(): void {
			if (this.#wasClosed) return;
			this.#wasClosed = true;
			this.#hub.remove(this.#destination);
		}

		ref(): this {
			return this.#keepAlive(true);
		}

		unref(): this {
			return this.#keepAlive(false);
		}

		#keepAlive(yes: boolean): this {
			this.#destination.keepsAlive = yes;
			if (!this.#isClosed) this.#hub.keepsAliveChanged();
			return this;
		}

		[Symbol.dispose](): void {
			this.close();
		}

		get [Symbol.toStringTag](): string {
			return "BroadcastChannel";
		}
	}
	const { prototype } = BroadcastChannelObject;
	// As interfaces of the web have them.
	for (const member of ["name", "onmessage", "onmessageerror", "postMessage", "close", "ref", "unref"])
		Object.defineProperty(prototype, member, { enumerable: true });
	Object.defineProperty(BroadcastChannelObject, "name", { value: "BroadcastChannel", configurable: true });
	return BroadcastChannelObject;
}
