import type { UnixSocketListener } from "bun";
import type { ChunkWriter } from "./frame_broadcast.ts";
import { SocketWriter } from "./socket_writer.ts";

/** Listens on a Unix socket until every receiver is connected. */
export class SocketServer implements Disposable {
	/** One per receiver, once all are connected. */
	readonly writers: Promise<readonly ChunkWriter[]>;
	readonly #listener: UnixSocketListener<SocketWriter>;

	constructor(path: string, receivers: number) {
		const { promise, resolve } = Promise.withResolvers<readonly ChunkWriter[]>();
		this.writers = promise;
		const writers: ChunkWriter[] = [];
		this.#listener = Bun.listen<SocketWriter>({
			unix: path,
			socket: {
				open(socket) {
					const writer = new SocketWriter(socket);
					socket.data = writer;
					writers.push((chunk) => writer.write(chunk));
					if (writers.length === receivers) resolve(writers);
				},
				drain(socket) {
					socket.data.drain();
				},
			},
		});
	}

	[Symbol.dispose](): void {
		this.#listener.stop(true);
	}
}
