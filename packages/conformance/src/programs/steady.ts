/** Sends until the test stops it, and says how many: `steady KIND PREFIX NAME LARGEST`. */

import { args, say } from "@libipc/testing/program";
import { sendInAllWays } from "../all_ways.ts";
import { Control, ControlWord } from "../control.ts";
import { factories, type Kind } from "../names.ts";

const [kind, prefix = "", name = "", largest] = args;
const control = new Control(prefix, name);
const sender = factories[kind as Kind].sender(name, { prefix });
say("ready");
const sent = sendInAllWays(sender, 0, Number(largest), () => {
	control.waitWhilePaused();
	return control.get(ControlWord.stop) === 0;
});
control.set(ControlWord.total, 1 + sent);
say(String(sent));
sender.close();
control.memory.close();
