/** What travels: bytes. Strings travel as UTF-8. */
export type Message = string | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** `route`: one sender. `channel`: many senders. Every receiver gets every message of both. */
export type EndpointKind = "route" | "channel";

/** How long a call may wait. */
export interface WaitOptions {
	/** Milliseconds, rounded up to whole ones. Absent, or more than 24 days: for ever. 0: do not wait. */
	readonly timeout?: number | undefined;
}

/**
 * How a name is opened. Whoever opens a name first fixes `capacity`, `maxReceivers` and `permissions`; whoever comes
 * later and asks for another value gets `ERR_IPC_OPTIONS_MISMATCH`, and who asks for none takes what is there.
 */
export interface EndpointOptions {
	/** A namespace: the same name under two prefixes is two names. Up to 64 bytes of UTF-8. Default "". */
	readonly prefix?: string | undefined;
	/** Bytes of the ring: a power of two from 4 KiB to 1 GiB. Default 1 MiB. A message may take up to half of it. */
	readonly capacity?: number | undefined;
	/** How many receivers may be connected at once: 1 to 1024. Default 64. */
	readonly maxReceivers?: number | undefined;
	/** Who may open it, as file mode bits. Default 0o600: this user only. */
	readonly permissions?: number | undefined;
}

/** What every endpoint has. `using` closes it at the end of the block. */
export interface Endpoint extends Disposable, AsyncDisposable {
	/** The name it was opened with, without the prefix. */
	readonly name: string;
	/** Whether {@link close} was called. */
	readonly closed: boolean;
	/** Leaves. The last endpoint of a name to leave removes its storage. Closing twice is allowed. */
	close(): void;
}

/**
 * Room in the ring for one message, to be written in place. It has its place in the order from the moment it was lent:
 * receivers wait for it there, so do not keep it for long.
 */
export interface Loan extends Disposable {
	/** What to write the message into. Valid until the loan is sent or discarded. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/**
	 * Sends the message: all of `bytes`, or its first `byteLength`.
	 *
	 * @throws IpcError `ERR_IPC_LOAN_ENDED` if it was sent or discarded before, or its sender was closed;
	 * `ERR_IPC_INVALID_ARGUMENT` for a length that was not lent
	 */
	send(byteLength?: number): void;
	/** Gives the room up, if it was not sent. The end of a `using` block does so. */
	[Symbol.dispose](): void;
}

/** The writing end of a route or a channel. */
export interface Sender extends Endpoint {
	/** How many receivers are connected. A killed one counts until somebody has noticed. */
	readonly receiverCount: number;
	/** The largest message, in bytes, that {@link send} takes: half the capacity, less 8. */
	readonly maxMessageLength: number;

	/**
	 * Sends one message, waiting while the ring is full.
	 *
	 * @returns true: every connected receiver will get it. false: it was not sent, because the time was up or nobody is
	 * connected (`receiverCount` tells which).
	 * @throws IpcError `ERR_IPC_MESSAGE_TOO_LARGE`, `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_ORPHANED`,
	 * `ERR_IPC_CORRUPT`
	 * @example
	 * sender.send("hello");
	 * sender.send(new Uint8Array([1, 2, 3]), { timeout: 100 });
	 */
	send(message: Message, options?: WaitOptions): boolean;

	/** {@link send} that never waits: false also when the ring is full. */
	trySend(message: Message): boolean;

	/**
	 * Sends many messages, in order, with one publication for many of them: the fastest way to send small ones. The time
	 * is for all of them together.
	 *
	 * @returns How many were sent: the first so many. Fewer than given: the time was up, or nobody is connected.
	 * @throws IpcError as {@link send}. The messages before the one that it is about have been sent, if there was time.
	 */
	sendBatch(messages: Iterable<Message>, options?: WaitOptions): number;

	/**
	 * Lends room for a message in the ring, so that it can be written where receivers read it: no copy, whatever the
	 * size. Several loans may be open at once and be sent in any order; their messages keep the order of lending. A loan
	 * that is forgotten, or left by a closed sender or a killed process, is given up and blocks nobody for long. With one
	 * open, give the next one a timeout: if others have filled the ring behind the open one, only ending it makes room.
	 *
	 * @param byteLength 0 to 8 less than {@link maxMessageLength}.
	 * @returns null: the time was up, or nobody is connected.
	 * @throws IpcError as {@link send}
	 * @example
	 * using loan = sender.loan(1920 * 1080 * 4);
	 * if (loan) {
	 *   camera.readInto(loan.bytes);
	 *   loan.send();
	 * }
	 */
	loan(byteLength: number, options?: WaitOptions): Loan | null;

	/**
	 * Waits until at least `count` receivers are connected.
	 *
	 * @returns false when the time was up first.
	 */
	waitForReceivers(count: number, options?: WaitOptions): boolean;

	/**
	 * A second handle, closed on its own. On a channel it is another sender; on a route, which has only one, both
	 * handles are that one, which leaves when the last of them is closed.
	 */
	clone(): Sender;
}

/** The reading end of a route or a channel. It gets every message sent after it was opened. */
export interface Receiver extends Endpoint {
	/**
	 * Takes the next message, waiting for one.
	 *
	 * @returns A copy that is the caller's, or null when the time was up.
	 * @throws IpcError `ERR_IPC_INVALID_ARGUMENT`, `ERR_IPC_CLOSED`, `ERR_IPC_REENTRANT`, `ERR_IPC_CORRUPT`, and
	 * `ERR_IPC_ORPHANED` once everything sent before the storage was cleared has been read
	 */
	recv(options?: WaitOptions): Uint8Array<ArrayBuffer> | null;

	/** {@link recv} that never waits. */
	tryRecv(): Uint8Array<ArrayBuffer> | null;

	/**
	 * Copies the next message into `target`: no allocation, the fastest way to receive one message.
	 *
	 * @returns Its length in bytes, or -1 when the time was up.
	 * @throws IpcError `ERR_IPC_BUFFER_TOO_SMALL`: the message stays the next one. Else as {@link recv}.
	 */
	recvInto(target: Uint8Array, options?: WaitOptions): number;

	/**
	 * Hands the messages that are there to `handler`, one by one, as views into the ring, without a copy; waits only if
	 * there are none.
	 *
	 * A view is valid inside the handler only: afterwards a sender may write over it. The message counts as received
	 * once its handler was called, also if the handler throws (the exception comes out of `drain`; later messages stay).
	 *
	 * @param options `max`: at most so many messages, 1 to 65,536; default 1,024.
	 * @returns How many were handled: 0 when the time was up.
	 * @throws IpcError as {@link recv}
	 */
	drain(
		handler: (view: Uint8Array<ArrayBuffer>) => void,
		options?: WaitOptions & { readonly max?: number | undefined },
	): number;

	/** Another receiver of the same name. It gets every message sent after this call returned. */
	clone(): Receiver;
}

/** A kind of endpoint, as it is exported: `Route` and `Channel`. */
export interface EndpointFactory {
	/** Opens the writing end, creating the name if need be. */
	sender(name: string, options?: EndpointOptions): Sender;
	/** Opens the reading end, creating the name if need be. */
	receiver(name: string, options?: EndpointOptions): Receiver;
	/**
	 * Removes a name's storage; nothing happens if there is none. Receivers still open on it read what was sent before,
	 * then get `ERR_IPC_ORPHANED`, and senders get it at once. After a crash this is not needed: the next to open
	 * the name starts it afresh.
	 */
	clear(name: string, options?: { readonly prefix?: string | undefined }): void;
}
