/**
 * `import "libipc/web/global";` replaces `BroadcastChannel` and `navigator.locks` of this thread by those of `libipc/web`. Import it in
 * each thread and process, before the code that uses them.
 *
 * @module libipc/web/global
 */
import { installOn } from "@libipc/core/web/install";
import { BroadcastChannel, locks } from "libipc/web";

installOn(globalThis, { BroadcastChannel, locks });
