/** A thread that receives: `worker PROGRAM PREFIX NAME [COUNT]`. */
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { Channel } from "../under_test.ts";

const [program = "", prefix = "", name = "", count] = args;

const programs: Record<string, () => unknown> = {
	/** Says each of COUNT messages, and keeps its endpoint afterwards. */
	receives() {
		const receiver = Channel.receiver(name, { prefix });
		say("ready");
		for (let i = 0; i < Number(count); i++) say(text(receiver.recv()) ?? "nothing");
		setInterval(() => receiver.closed, 60_000);
	},

	/** Says the length of every thousandth message. */
	async "receives asynchronously"() {
		const receiver = Channel.receiver(name, { prefix, onPeer: () => {} });
		say("ready");
		let received = 0;
		for await (const message of receiver) if (++received % 1000 === 1) say(String(message.byteLength));
	},
};

await programs[program]?.();
