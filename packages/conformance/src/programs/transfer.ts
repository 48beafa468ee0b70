/**
 * Transfers the buffer of a view of the ring, and reads it when the first buffer has been collected, before and after the close:
 * `transfer PREFIX NAME`.
 */
import { collectGarbage } from "@libipc/testing/garbage";
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { sleep } from "@libipc/testing/timing";
import { Channel } from "../under_test.ts";

const [prefix = "", name = ""] = args;
const receiver = Channel.receiver(name, { prefix });
const sender = Channel.sender(name, { prefix });
sender.send("kept");
let taken = new Uint8Array();
receiver.drain((view) => {
	const { buffer } = view as Uint8Array<ArrayBuffer>;
	taken = new Uint8Array(structuredClone(buffer, { transfer: [buffer] }));
});
sender.send("next");
receiver.drain((view) => say(text(view)));
async function collect(): Promise<void> {
	for (let i = 0; i < 50; i++) {
		collectGarbage();
		await sleep(1);
	}
}
await collect();
say(text(taken.subarray(8, 12)));
receiver.close();
sender.close();
await collect();
say(taken.subarray(8, 12).join());
