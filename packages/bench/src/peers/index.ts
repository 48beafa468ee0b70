import * as broadcastChannel from "./broadcast-channel.ts";
import type { Peer } from "./peer.ts";
import * as pipe from "./pipe.ts";
import * as spawnIpc from "./spawn-ipc.ts";
import * as unixSocket from "./unix-socket.ts";
import * as workerPostMessage from "./worker-post-message.ts";
import * as zeromq from "./zeromq.ts";

export type { Availability, MeasureOptions, Peer, PeerResult } from "./peer.ts";

/** Between processes first, then between threads; ZeroMQ last, since it may be missing. */
export const peers: readonly Peer[] = [unixSocket, pipe, spawnIpc, workerPostMessage, broadcastChannel, zeromq];
