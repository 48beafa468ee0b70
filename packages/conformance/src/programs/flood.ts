/** Sends messages of one size for as long as it lives: `flood PREFIX NAME BYTES`. */
import { args, say } from "@libipc/testing/program";
import { Channel } from "../under_test.ts";

const [prefix = "", name = "", bytes] = args;
using sender = Channel.sender(name, { prefix });
const message = new Uint8Array(Number(bytes));
say("ready");
while (sender.send(message));
