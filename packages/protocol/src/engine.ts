import type { EndpointKind } from "./endpoint.ts";

/**
 * What moves bytes and waits. The endpoints are written against this; each engine implements it.
 *
 * Numbers answered: zero and above is success, the rest is a {@link Status}. Timeouts are whole milliseconds in 32 bits,
 * negative for ever: a double is converted by a slow path of bun:ffi. Arguments have been validated, except for the lengths of messages.
 */
export interface Engine {
	openSender(kind: EndpointKind, prefix: string, name: string, options: EngineOptions): EngineSender;
	openReceiver(kind: EndpointKind, prefix: string, name: string, options: EngineOptions): EngineReceiver;
	clear(kind: EndpointKind, prefix: string, name: string): void;
}

/** As the user asked; 0 = did not ask. */
export interface EngineOptions {
	readonly capacity: number;
	readonly maxReceivers: number;
	readonly permissions: number;
	/** The position, in 8-byte units, at which a new ring starts: for tests of the wrap. */
	readonly firstPosition: number;
}

export interface EngineSender {
	readonly maxMessageLength: number;
	readonly maxLoanLength: number;
	send(bytes: Uint8Array, length: number, timeout: number): number;
	/** Copies into the batch; `timedOut`: it is full, flush first. */
	stage(bytes: Uint8Array, length: number): number;
	/** Sends the batch and answers how many of it were accepted; what was not is forgotten. */
	flush(timeout: number): number;
	/** Lends room for a message: the byte offset in the ring, or a status. */
	loan(length: number, timeout: number): number;
	/** Sends the first `length` bytes of what was lent at `offset`; -1 gives it up. */
	endLoan(offset: number, length: number): number;
	/** The ring's bytes, to write loans into. They stay mapped after close. */
	ring(): ArrayBuffer;
	receiverCount(): number;
	waitForReceivers(count: number, timeout: number): number;
	close(): void;
}

export interface EngineReceiver {
	/** Copies the next message and answers its length. */
	recv(target: Uint8Array, timeout: number): number;
	/** The length of the next message; `timedOut`: there is none. */
	nextLength(): number;
	/** Fills pairs (byte offset in the ring, length) and answers how many. */
	peek(spans: Uint32Array, max: number, timeout: number): number;
	/** Moves past messages that were peeked. */
	consume(count: number): number;
	/** The ring's bytes. They stay readable, though not meaningful, after close. */
	ring(): ArrayBuffer;
	close(): void;
}

/** The answers below zero: `native/include/libipc/status.h`, where each is described. */
export const Status = {
	timedOut: -1,
	noReceivers: -2,
	invalidArgument: -10,
	invalidName: -11,
	messageTooLarge: -12,
	bufferTooSmall: -13,
	hasSender: -14,
	tooManyReceivers: -15,
	tooManySenders: -16,
	optionsMismatch: -17,
	version: -18,
	foreign: -19,
	corrupt: -20,
	permission: -21,
	noSpace: -22,
	orphaned: -23,
	busy: -24,
	system: -25,
	/** The engine's object is gone; no native code answers this. */
	closed: -26,
} as const;
