/**
 * Large messages: `fragments PROGRAM PREFIX NAME LENGTH...`. Message number i has the content of seed i.
 */

import { isLarge, large } from "@libipc/testing/large";
import { args, say } from "@libipc/testing/program";
import { Channel } from "../under_test.ts";

const [program = "", prefix = "", name = "", ...rest] = args;
const lengths = rest.map(Number);

const programs: Record<string, () => void> = {
	/** Sends "begin", messages of these lengths, and "end". */
	send() {
		using sender = Channel.sender(name, { prefix });
		const messages = lengths.map((length, seed) => large(seed, length));
		sender.waitForReceivers(1, { timeout: 20_000 });
		sender.send("begin");
		for (const message of messages) if (!sender.send(message)) throw new Error("was not sent");
		sender.send("end");
		say("sent");
	},

	/** Sends "small 0", "small 1" and so on for as long as it lives. */
	chatter() {
		using sender = Channel.sender(name, { prefix });
		say("ready");
		for (let i = 0; sender.send(`small ${i}`); i++);
	},

	/** Receives what `send` sends, and says whether it was that. */
	receive() {
		using receiver = Channel.receiver(name, { prefix });
		say("ready");
		const right = [String(receiver.recv({ timeout: 60_000 })?.byteLength === 5)];
		for (const [seed, length] of lengths.entries()) {
			const message = receiver.recv({ timeout: 60_000 });
			right.push(message === null ? "nothing came" : String(isLarge(message, seed, length)));
		}
		right.push(String(receiver.recv({ timeout: 60_000 })?.byteLength === 3));
		say(JSON.stringify(right));
	},
};

programs[program]?.();
