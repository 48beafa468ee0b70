import { IpcError } from "@libipc/protocol";
import { checkInteger } from "../check/argument.ts";
import { checkOptions } from "../check/endpoint_options.ts";
import { checkName } from "../check/name.ts";
import { checkPermissions } from "../check/permissions.ts";
import { structured } from "../codecs/structured.ts";
import type { Api } from "../create_api.ts";
import type { QueueReceiverEndpoint } from "../endpoint/queue_receiver.ts";
import type { ReceiverEndpoint } from "../endpoint/receiver.ts";
import type { SenderEndpoint } from "../endpoint/sender.ts";
import type { EndpointFactory, PeerEvent, QueueReceiver, QueueReceiverOptions } from "../endpoint/types.ts";
import { type AnyCodec, checkCodec } from "../value/check_codec.ts";
import type { Codec } from "../value/codec.ts";
import { Decoding } from "../value/decoding.ts";
import { ID_LIMIT } from "./frames.ts";
import type { ServiceNameOptions } from "./service_types.ts";

/** The part of libipc that services are built on. */
export type ServiceLibrary = Pick<Api, "Channel" | "Queue" | "list" | "monotonicNs">;

/** What the id of a service's codec begins with in the segments. */
const CODEC_PREFIX = "service:";
const MOST_CODEC_BYTES = 63 - CODEC_PREFIX.length;
const CLIENT = ".client.";
const SERVER = ".server.";
const ID_DIGITS = 14;
const MOST_NAME_BYTES = 128 - CLIENT.length - ID_DIGITS - 2;

const DEFAULT_REPLY_CAPACITY = 262_144;
const INBOX_CAPACITY = 262_144;

/** A number that no other client or server has. */
export function newId(): number {
	const [low = 0, high = 0] = crypto.getRandomValues(new Uint32Array(2));
	const id = (high % (ID_LIMIT / 2 ** 32)) * 2 ** 32 + low;
	return id === 0 ? 1 : id;
}

/** How many servers of each service this thread has: of the prefix and the name, which have no control characters. */
const serversHere = new Map<string, number>();

interface NameOptions {
	readonly prefix: string;
	readonly permissions: number | undefined;
}

/** A service and the names that it consists of. */
export class OpenedService {
	readonly name: string;
	/** How error messages name it. */
	readonly endpoint: string;
	readonly #library: ServiceLibrary;
	readonly #options: NameOptions;
	readonly #capacity: number | undefined;
	readonly #codec: AnyCodec;
	/** The codec of the endpoints: frames are bytes. */
	readonly #frames: Codec<Uint8Array>;

	constructor(library: ServiceLibrary, name: string, given: ServiceNameOptions, role: "sender" | "receiver") {
		const prefix = checkName(name, given.prefix);
		if (Buffer.byteLength(name) > MOST_NAME_BYTES)
			throw new IpcError(
				"ERR_IPC_INVALID_NAME",
				name,
				`The name of a service may have ${MOST_NAME_BYTES} bytes of UTF-8, because the names of its clients and servers are longer; this one has ${Buffer.byteLength(name)}.`,
			);
		this.#library = library;
		this.name = name;
		this.endpoint = prefix === "" ? `service "${name}"` : `service "${name}" (prefix "${prefix}")`;
		checkOptions(name, "queue", { capacity: given.capacity }, "");
		this.#capacity = given.capacity;
		this.#options = { prefix, permissions: checkPermissions(name, given.permissions) || undefined };
		this.#codec = checkCodec({ kind: "queue", prefix, name, role }, given.codec ?? structured());
		const { id } = this.#codec;
		if (id.length > MOST_CODEC_BYTES)
			throw new IpcError(
				"ERR_IPC_INVALID_ARGUMENT",
				name,
				`The id of a service's codec may have ${MOST_CODEC_BYTES} characters; ${JSON.stringify(id)} has ${id.length}.`,
			);
		this.#frames = { id: CODEC_PREFIX + id, encode: (bytes) => bytes, decode: (bytes) => bytes };
	}

	/** Nanoseconds on the clock of deadlines. */
	now(): number {
		return this.#library.monotonicNs();
	}

	/** A codec whose state is that of one direction. */
	get codec(): AnyCodec {
		return this.#codec;
	}

	/** What makes values of payloads. */
	decoding(what: string): Decoding {
		return new Decoding(this.name, `${this.endpoint}: ${what}`, this.#codec, undefined);
	}

	/** Where clients put requests. */
	requestSender(): SenderEndpoint {
		return this.#sender(this.#library.Queue, this.name, { capacity: this.#capacity });
	}

	/** Where servers take requests. */
	requestReceiver(onPeer: (event: PeerEvent) => void): QueueReceiverEndpoint {
		const options = { ...this.#options, capacity: this.#capacity, codec: this.#frames, onPeer };
		return this.#library.Queue.receiver(this.name, options).bytes as QueueReceiverEndpoint;
	}

	/** Where a client reads answers. */
	ring(client: number, capacity: number | undefined): ReceiverEndpoint {
		return this.#receiver(this.#nameOf(CLIENT, client), capacity ?? DEFAULT_REPLY_CAPACITY);
	}

	/** Where a server reads what clients say about calls that it runs. */
	inbox(server: number): ReceiverEndpoint {
		return this.#receiver(this.#nameOf(SERVER, server), INBOX_CAPACITY);
	}

	/** Where a server sends answers; `undefined`: the client is gone. */
	ringSender(client: number, onPeer: (event: PeerEvent) => void): SenderEndpoint | undefined {
		return this.#senderTo(this.#nameOf(CLIENT, client), { onPeer });
	}

	/** Where a client says something about a call that the server runs; `undefined`: the server is gone. */
	inboxSender(server: number): SenderEndpoint | undefined {
		return this.#senderTo(this.#nameOf(SERVER, server), {});
	}

	/** Removes the ring of a client that does not read: its receiver gets `ERR_IPC_ORPHANED`. */
	dropRing(client: number): void {
		this.#library.Channel.clear(this.#nameOf(CLIENT, client), { prefix: this.#options.prefix });
	}

	/** Whether at least so many servers take requests. */
	hasServers(count: number): boolean {
		return this.#library.Queue.waitForReceivers(this.name, count, { prefix: this.#options.prefix, timeout: 0 });
	}

	/** Counts a server of this thread, until the function that is returned is called. */
	countServer(): () => void {
		let isCounted = true;
		serversHere.set(this.#id, this.serversHere + 1);
		return () => {
			if (isCounted) serversHere.set(this.#id, this.serversHere - 1);
			isCounted = false;
			if (this.serversHere === 0) serversHere.delete(this.#id);
		};
	}

	/** How many servers this thread has. */
	get serversHere(): number {
		return serversHere.get(this.#id) ?? 0;
	}

	get #id(): string {
		return `${this.#options.prefix}\0${this.name}`;
	}

	/** Removes what killed clients and servers of this service left. */
	sweep(): void {
		const { prefix } = this.#options;
		for (const { name, kind, state } of this.#library.list({ prefix })) {
			if (kind !== "channel" || state !== "leftover") continue;
			if (!name.startsWith(this.name + CLIENT) && !name.startsWith(this.name + SERVER)) continue;
			try {
				// An open replaces what was left, and the last close removes the name. If it is just being opened, nothing happens to it.
				this.#sender(this.#library.Channel, name, { capacity: 4096 }).close();
			} catch {
				// It is in use, or this user may not open it.
			}
		}
	}

	#nameOf(role: string, id: number): string {
		return this.name + role + id.toString(16).padStart(ID_DIGITS, "0");
	}

	#senderTo(name: string, options: { onPeer?: (event: PeerEvent) => void }): SenderEndpoint | undefined {
		// Looked up first, so that nothing is created for a client or server that is gone.
		const { prefix } = this.#options;
		if (!this.#library.Channel.waitForReceivers(name, 1, { prefix, timeout: 0 })) return undefined;
		const sender = this.#sender(this.#library.Channel, name, options);
		if (sender.receiverCount > 0) return sender;
		sender.close();
		return undefined;
	}

	#sender(
		factory: EndpointFactory | EndpointFactory<QueueReceiver, QueueReceiverOptions>,
		name: string,
		options: { capacity?: number | undefined; onPeer?: (event: PeerEvent) => void },
	): SenderEndpoint {
		return factory.sender(name, { ...this.#options, ...options, codec: this.#frames }).bytes as SenderEndpoint;
	}

	#receiver(name: string, capacity: number): ReceiverEndpoint {
		const options = { ...this.#options, capacity, maxReceivers: 1, codec: this.#frames };
		return this.#library.Channel.receiver(name, options).bytes as ReceiverEndpoint;
	}
}

/** Checks an option that is a number of things. */
export const checkNumber = (name: string, what: string, value: unknown, most: number, byDefault: number): number =>
	checkInteger(name, what, value, 1, most) || byDefault;
