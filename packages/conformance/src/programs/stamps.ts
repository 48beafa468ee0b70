/** Sends messages to a name with stamps, without the option: `stamps PREFIX NAME COUNT LENGTH`. Stays until it is killed. */
import { args, say } from "@libipc/testing/program";
import { Channel, monotonicNs } from "../under_test.ts";

const [prefix = "", name = "", count = "", length = ""] = args;
const sender = Channel.sender(name, { prefix });
say(String(monotonicNs()));
for (let i = 0; i < Number(count); i++) sender.send(String(i).padEnd(Number(length), "."));
say(String(monotonicNs()));
setInterval(() => sender.closed, 60_000);
