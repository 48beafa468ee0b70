import { IpcError } from "@libipc/protocol";
import { Source } from "../adapter/source.ts";
import { encode } from "../codecs/structured.ts";
import { StructuredReader } from "../codecs/structured_reader.ts";
import type { EndpointOptions, Receiver, Sender } from "../endpoint/types.ts";
import { type Frame, frameOverhead, framesOf, readFrame } from "./broadcast_frame.ts";
import { broadcastName } from "./broadcast_name.ts";
import { BroadcastOutbox } from "./broadcast_outbox.ts";
import { PartAssembly } from "./part_assembly.ts";
import type { WebLibrary } from "./web_library.ts";

/** A message, or what is known of messages that did not arrive. */
export type Delivery =
	| { readonly data: unknown }
	| { readonly lost: number; readonly error?: unknown }
	| { readonly lost?: undefined; readonly error: unknown };

/** What a hub knows of a BroadcastChannel object. */
export interface Destination {
	/** Other than that of every other destination of the hub. */
	readonly number: number;
	readonly keepsAlive: boolean;
	/** Is not called any more once the destination was removed. */
	deliver(delivery: Delivery): void;
}

export interface HubOptions {
	readonly prefix: string | undefined;
	readonly permissions: number | undefined;
	/** Of the ring, in bytes; `undefined`: what the channel has, or {@link DEFAULT_CAPACITY}. */
	readonly capacity: number | undefined;
	/** How many bytes may wait to be sent, and how many to be handed to listeners. */
	readonly maxPending: number;
}

const DEFAULT_CAPACITY = 4 << 20;

/** As many threads as libipc can have. */
const MOST_THREADS = 1024;

/** A delivery that waits for its turn of the event loop. */
interface Task {
	readonly to: Destination;
	/** Encoded: each destination gets its own copy. */
	readonly what: Uint8Array | Delivery;
	/** How many bytes the end of this task gives back. */
	readonly frees: number;
}

/** Runs each of several calls in a task: what the promises of one do comes before the next. */
const inTask: (run: () => void) => unknown = process.versions.deno ? (run) => setTimeout(run, 0) : setImmediate;

/**
 * All BroadcastChannel objects of one name in this thread. They share a receiver and a sender. Also what they send to each other goes
 * through the ring, so that all threads of all processes see one order of all messages.
 *
 * What a destination gets is decided when a message is taken from the ring: the objects that are there then. Before an object is added,
 * {@link mayAdd} reads the ring, so that it gets no earlier message.
 */
export class BroadcastHub {
	readonly #receiver: Receiver;
	readonly #sender: Sender;
	readonly #outbox: BroadcastOutbox;
	readonly #source: Source<Uint8Array>;
	readonly #stop = new AbortController();
	readonly #maxPending: number;
	readonly #mostInPart: number;
	readonly #id: bigint;
	readonly #assembly = new PartAssembly();
	/** In the order of their creation. */
	readonly #destinations = new Set<Destination>();
	readonly #closed: () => void;
	#tasks: Task[] = [];
	/** Bytes of the messages whose tasks have not run. */
	#unhandled = 0;
	#lost = 0;
	#isReading = false;
	#failure: { readonly error: unknown } | undefined;

	/** `closed`: called when the hub cannot be used by another object any more. */
	constructor(library: WebLibrary, name: string, options: HubOptions, closed: () => void) {
		const { prefix, permissions, maxPending } = options;
		const endpoint = { prefix, permissions, maxReceivers: MOST_THREADS, overflow: "drop-oldest" as const };
		this.#receiver = openReceiver(library, broadcastName(name), endpoint, options.capacity);
		try {
			this.#sender = library.Channel.sender(broadcastName(name), endpoint);
		} catch (error) {
			this.#receiver.close();
			throw error;
		}
		// The largest message has seven eighths of the ring, whose size is a power of two.
		const capacity = 2 ** Math.ceil(Math.log2(this.#sender.maxMessageLength));
		this.#maxPending = maxPending;
		this.#mostInPart = Math.floor(capacity / 16) - frameOverhead;
		this.#outbox = new BroadcastOutbox(this.#sender, Math.floor(capacity / 4), {
			failed: (error) => this.#fail(error),
			emptied: () => this.#closeIfUnused(),
		});
		this.#source = new Source("BroadcastChannel", this.#receiver);
		this.#id = crypto.getRandomValues(new BigUint64Array(1))[0] as bigint;
		this.#closed = closed;
		this.#read();
	}

	/** Whether another object can use the hub. It gets no message that was sent before. */
	mayAdd(): boolean {
		try {
			this.#takeAll();
		} catch (error) {
			// The name was removed, and the wait for messages has not noticed it yet.
			this.#fail(error);
		}
		return this.#failure === undefined;
	}

	add(destination: Destination): void {
		this.#destinations.add(destination);
		this.keepsAliveChanged();
	}

	remove(destination: Destination): void {
		this.#destinations.delete(destination);
		this.keepsAliveChanged();
		this.#closeIfUnused();
	}

	keepsAliveChanged(): void {
		let keepsAlive = false;
		for (const each of this.#destinations) keepsAlive ||= each.keepsAlive;
		if (keepsAlive) this.#receiver.ref();
		else this.#receiver.unref();
	}

	/** Sends to all destinations but this one. */
	post(from: Destination, value: unknown): void {
		// First: a getter of the value may close the channel, or send, too.
		const bytes = encode(value);
		const frames = framesOf(this.#id, from.number, bytes, this.#mostInPart);
		if (this.#failure) throw this.#failure.error;
		const waiting = this.#outbox.byteLength;
		if (waiting > 0 && waiting + bytes.byteLength > this.#maxPending)
			throw new DOMException(
				`The message was not sent: ${waiting} bytes of earlier messages of this thread still wait for receivers to read, and at most ${this.#maxPending} may wait. Post less at a time, and let the event loop run in between.`,
				"QuotaExceededError",
			);
		this.#outbox.add(frames);
	}

	/** Closes at once, also what still waits to be sent. */
	close(): void {
		this.#destinations.clear();
		this.#leave();
	}

	#leave(): void {
		this.#stop.abort();
		this.#receiver.close();
		this.#sender.close();
		this.#closed();
	}

	#closeIfUnused(): void {
		if (this.#destinations.size === 0 && this.#outbox.isEmpty && !this.#receiver.closed) this.close();
	}

	async #read(): Promise<void> {
		if (this.#isReading) return;
		this.#isReading = true;
		try {
			while (this.#mayTake() && (await this.#source.next(this.#takeOne, this.#stop.signal))) this.#takeAll();
		} catch (error) {
			if (!this.#stop.signal.aborted) this.#fail(error);
		}
		this.#isReading = false;
	}

	/** While too much waits for listeners, messages stay in the ring, and the oldest may be lost. */
	#mayTake(): boolean {
		return this.#unhandled <= this.#maxPending && !this.#receiver.closed;
	}

	#takeAll(): void {
		while (this.#mayTake()) {
			const bytes = this.#receiver.tryRecv();
			if (bytes === null) return;
			this.#takeOne(bytes);
		}
	}

	readonly #takeOne = (bytes: Uint8Array): void => {
		const lost = this.#receiver.lost;
		if (lost > this.#lost) {
			this.#assembly.noteLoss();
			this.#deliverToAll({ lost: lost - this.#lost });
		}
		this.#lost = lost;
		const frame = readFrame(bytes);
		if (!frame) {
			this.#deliverToAll({ error: new TypeError("Another program has sent bytes that are no message.") });
			return;
		}
		const assembled = this.#assembly.add(frame);
		if (assembled.lost > 0) this.#deliverToAll({ lost: assembled.lost }, frame);
		if (assembled.value) this.#deliverToAll(assembled.value, frame);
	};

	#deliverToAll(what: Uint8Array | Delivery, { thread, object }: Partial<Frame> = {}): void {
		const to: Destination[] = [];
		for (const each of this.#destinations) if (thread !== this.#id || each.number !== object) to.push(each);
		const frees = what instanceof Uint8Array ? what.byteLength + frameOverhead : 0;
		if (to.length > 0) this.#unhandled += frees;
		for (const [i, each] of to.entries()) {
			this.#tasks.push({ to: each, what, frees: i === to.length - 1 ? frees : 0 });
			inTask(this.#runTask);
		}
	}

	#nextTask = 0;

	readonly #runTask = (): void => {
		const task = this.#tasks[this.#nextTask++];
		if (this.#nextTask === this.#tasks.length) {
			this.#tasks = [];
			this.#nextTask = 0;
		} else if (this.#nextTask === 1024) {
			this.#tasks.splice(0, 1024);
			this.#nextTask = 0;
		}
		if (!task) return;
		this.#unhandled -= task.frees;
		if (task.frees > 0) this.#read();
		if (this.#destinations.has(task.to))
			task.to.deliver(task.what instanceof Uint8Array ? decoded(task.what) : task.what);
	};

	/** The channel cannot be used any more: its name was removed, or its memory is damaged. */
	#fail(error: unknown): void {
		if (this.#failure || this.#receiver.closed) return;
		this.#failure = { error };
		this.#deliverToAll({ error });
		// Another object of this name gets another hub, and what the name is by then.
		this.#leave();
	}
}

/** Without a capacity, what the first open of the name has chosen. */
function openReceiver(
	library: WebLibrary,
	name: string,
	options: EndpointOptions,
	capacity: number | undefined,
): Receiver {
	try {
		return library.Channel.receiver(name, { ...options, capacity: capacity ?? DEFAULT_CAPACITY });
	} catch (error) {
		const isOther = error instanceof IpcError && error.code === "ERR_IPC_OPTIONS_MISMATCH" && capacity === undefined;
		if (!isOther) throw error;
		return library.Channel.receiver(name, options);
	}
}

function decoded(bytes: Uint8Array): Delivery {
	try {
		return { data: new StructuredReader(bytes).read() };
	} catch (error) {
		return { error };
	}
}
