/** Opens a receiver of a channel and the mutex of a name, and keeps them: `other_kind PREFIX NAME`. */
import { args, say } from "@libipc/testing/program";
import { Channel, Mutex } from "../under_test.ts";

const [prefix = "", name = ""] = args;
const opened = [Channel.receiver(name, { prefix }), Mutex.open(name, { prefix })];
say("ready");
setInterval(() => opened.length, 60_000);
