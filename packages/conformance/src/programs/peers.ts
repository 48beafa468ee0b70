/**
 * Watches peers: `peers PROGRAM PREFIX NAME`. Ends by itself when it has nothing to wait for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { args, say } from "@libipc/testing/program";
import { Channel } from "../under_test.ts";

const [program = "", prefix = "", name = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value));
const onPeer = (event: object) => print(event);

const programs: Record<string, () => unknown> = {
	/** Only a callback: the thread ends. */
	callback() {
		Channel.receiver(name, { prefix, onPeer });
	},
	/** A callback, and something else that keeps the program alive: the callback is called meanwhile. */
	async "callback, busy"() {
		let told = 0;
		using receiver = Channel.receiver(name, {
			prefix,
			onPeer(event) {
				told++;
				print(event);
			},
		});
		print("ready");
		while (told < 3 && !receiver.closed) await sleep(5);
	},
	/** An iteration keeps the thread alive. */
	async iteration() {
		const receiver = Channel.receiver(name, { prefix });
		print("ready");
		for await (const event of receiver.peers()) {
			print(event);
			if (event.type !== "joined") break;
		}
	},
	/** A callback that throws: an unhandled rejection. */
	async throws() {
		process.on("unhandledRejection", (reason) => {
			print(String(reason));
			process.exit(3);
		});
		using receiver = Channel.receiver(name, {
			prefix,
			onPeer() {
				throw new Error("the callback failed");
			},
		});
		while (!receiver.closed) await sleep(5);
	},
};

await programs[program]?.();
