import type { Alternative } from "./alternative.ts";
import * as blockingPipe from "./blocking_pipe.ts";
import * as broadcastChannel from "./broadcast_channel.ts";
import { nodeAlternatives } from "./node_alternative.ts";
import * as pipe from "./pipe.ts";
import * as spawnIpc from "./spawn_ipc.ts";
import * as unixSocket from "./unix_socket.ts";
import * as webBroadcastChannel from "./web_broadcast_channel.ts";
import * as workerPostMessage from "./worker_post_message.ts";
import * as zeromq from "./zeromq.ts";

/** Between processes first, then between threads, then in Node. What may be missing is last. */
export const alternatives: readonly Alternative[] = [
	unixSocket,
	pipe,
	blockingPipe,
	spawnIpc,
	webBroadcastChannel,
	workerPostMessage,
	broadcastChannel,
	...nodeAlternatives,
	zeromq,
];
