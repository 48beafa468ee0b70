/** The little of npm's `zeromq` that is used; the package is optional, so its own types may not be there. */
export interface ZeroMq {
	readonly Push: new (options: { readonly linger: number }) => PushSocket;
	readonly Pull: new () => PullSocket;
}

export interface PushSocket {
	bind(address: string): Promise<void>;
	send(message: Uint8Array): Promise<void>;
	close(): void;
}

export interface PullSocket extends AsyncIterable<readonly Uint8Array[]> {
	connect(address: string): void;
}

/** Typed as any string, so that neither compiler nor bundler asks for the package. */
const SPECIFIER: string = "zeromq";

/** Rejects where the package is not installed. */
export async function loadZeroMq(): Promise<ZeroMq> {
	return await import(SPECIFIER);
}
