/** Answers each message in its event loop: `echo PREFIX NAME COUNT`. */
import { args, say } from "@libipc/testing/program";
import { Channel } from "../under_test.ts";

const [prefix = "", name = "", count = "0"] = args;
const requests = Channel.receiver(`${name}.requests`, { prefix });
const answers = Channel.sender(`${name}.answers`, { prefix });
await answers.receiversReady(1);
say("ready");
for (let i = 0; i < Number(count); i++) {
	const request = await requests.recvAsync();
	if (request === null) throw new Error("a request was lost");
	await answers.sendAsync(request);
}
requests.close();
answers.close();
