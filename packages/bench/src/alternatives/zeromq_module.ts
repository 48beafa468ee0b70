import type { Broadcast } from "./rounds.ts";

/** The little of npm's `zeromq` that is used. */
export interface ZeroMq {
	readonly Push: new (options: { readonly linger: number }) => PushSocket;
	readonly Pull: new () => PullSocket;
}

export interface PushSocket {
	bind(address: string): Promise<void>;
	send(message: Uint8Array | string): Promise<void>;
	close(): void;
}

export interface PullSocket extends AsyncIterable<readonly Buffer[]> {
	connect(address: string): void;
}

/** @param module the URL of the module, as `zeroMqModule` answers it */
export async function loadZeroMq(module: string): Promise<ZeroMq> {
	return await import(module);
}

/** Sends each message to all sockets. */
export function pushBroadcast(sockets: readonly PushSocket[]): Broadcast {
	return {
		send(message) {
			// ZeroMQ may still hold the message when `send` resolves, so each message needs its own buffer. ZeroMQ gathers
			// small messages into one write by itself.
			const own = message.slice();
			const [only] = sockets;
			if (sockets.length === 1 && only !== undefined) return only.send(own);
			return Promise.all(sockets.map((socket) => socket.send(own))).then(() => {});
		},
	};
}
