import { offerHub } from "./hub.ts";
import { systemIdentity } from "./identity.ts";
import { watchThreads } from "./thread_exits.ts";
import { threads } from "./threads.ts";

// Done when the package is imported, for Workers take it along when they are made. Whether it is needed shows later: until
// then it takes addresses, and half a megabyte that nobody has touched.
offerHub();
if (!systemIdentity()) watchThreads(() => threads().hub);
