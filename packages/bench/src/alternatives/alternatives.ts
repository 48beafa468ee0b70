import type { Alternative } from "./alternative.ts";
import * as broadcastChannel from "./broadcast_channel.ts";
import * as pipe from "./pipe.ts";
import * as spawnIpc from "./spawn_ipc.ts";
import * as unixSocket from "./unix_socket.ts";
import * as workerPostMessage from "./worker_post_message.ts";
import * as zeromq from "./zeromq.ts";

/** Between processes first, then between threads. ZeroMQ is the last, as it may be missing. */
export const alternatives: readonly Alternative[] = [
	unixSocket,
	pipe,
	spawnIpc,
	workerPostMessage,
	broadcastChannel,
	zeromq,
];
