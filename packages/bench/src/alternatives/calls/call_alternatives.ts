import type { CallAlternative } from "./call_alternative.ts";
import { comlink } from "./comlink.ts";
import { http } from "./http.ts";
import { libipcCalls } from "./libipc.ts";
import { redis } from "./redis.ts";
import { spawnIpc } from "./spawn_ipc.ts";

/** libipc first, then what the runtimes have, then what has to be installed. Each has an entry in `call_programs.ts`. */
export const callAlternatives: readonly CallAlternative[] = [...libipcCalls, comlink, spawnIpc, http, redis];
