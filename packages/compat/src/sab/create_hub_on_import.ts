import { freeAtWorkerExits } from "./free_at_exits.ts";
import { offerHub } from "./hub.ts";
import { systemIdentity } from "./identity.ts";
import { watchThreads } from "./thread_exits.ts";
import { threads } from "./threads.ts";

// This runs when the package is imported, because a Worker gets the hub when it is created. Until the hub is used, it takes only
// addresses, and half a megabyte of pages that no thread has used.
offerHub();
if (!systemIdentity()) watchThreads(() => threads().hub);
freeAtWorkerExits();
