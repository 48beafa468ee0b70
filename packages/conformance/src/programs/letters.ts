/** A worker on a queue with a dead-letter queue: `letters PROGRAM PREFIX NAME [MAX_ATTEMPTS]`. Prints what it gets. */
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { Queue } from "../under_test.ts";

const [program = "", prefix = "", name = "", maxAttempts = ""] = args;
const limit = maxAttempts === "" ? {} : { maxAttempts: Number(maxAttempts), deadLetter: `${name}.dead` };
using receiver = Queue.receiver(name, { prefix, ...limit });

const programs: Record<string, () => unknown> = {
	recv: () => say(text(receiver.recv() ?? new Uint8Array())),
	/** Takes one and keeps it until it is killed. */
	async keep() {
		const lease = receiver.take();
		say(`${lease && text(lease.bytes)} ${lease?.attempt}`);
		setInterval(() => lease?.attempt, 60_000);
		await new Promise(() => {});
	},
};

await programs[program]?.();
