/**
 * The ends of a transport between threads. Every transport is lossless: each receiver gets every message of every sender.
 */
export interface SendingEnd {
	send(message: Uint8Array<ArrayBuffer>): void;
	close(): void;
}

export interface ReceivingEnd {
	/** Puts `count` messages into `target`, one after another, and calls `take` with the length of each. */
	receive(count: number, target: Uint8Array<ArrayBuffer>, take: (length: number) => void): Promise<void> | void;
	close(): void;
}

/** `sab` and `native` are libipc's engines. */
export const threadTransports = ["sab", "native", "MessagePort", "BroadcastChannel"] as const;
export type ThreadTransport = (typeof threadTransports)[number];
