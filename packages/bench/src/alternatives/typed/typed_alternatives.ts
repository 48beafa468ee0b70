import type { Alternative } from "../alternative.ts";
import { libipcCodecs } from "./libipc.ts";
import { redisPubSub } from "./redis.ts";
import { spawnIpcSerializations } from "./spawn_ipc.ts";
import { workerPostMessage } from "./worker.ts";
import { zeromqInNode } from "./zeromq.ts";

/** libipc first, then what the runtimes have, then what has to be installed. Each has an entry in `typed_programs.ts`. */
export const typedAlternatives: readonly Alternative[] = [
	...libipcCodecs,
	...spawnIpcSerializations,
	workerPostMessage,
	zeromqInNode,
	redisPubSub,
];
