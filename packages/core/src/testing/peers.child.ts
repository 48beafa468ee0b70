/**
 * Watches peers: `peers.child.ts PROGRAM PREFIX NAME`. Ends by itself when it has nothing to wait for.
 */
import { Channel } from "../index.ts";

const [program = "", prefix = "", name = ""] = process.argv.slice(2);
const print = (value: unknown): void => console.log(JSON.stringify(value));
const onPeer = (event: object) => print(event);

const programs: Record<string, () => unknown> = {
	/** Only a callback: the process ends. */
	callback() {
		Channel.receiver(name, { prefix, onPeer });
	},
	/** A callback, and something else that goes on for a while: the callback is called meanwhile. */
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
		while (told < 3 && !receiver.closed) await Bun.sleep(5);
	},
	/** An iteration keeps the process alive. */
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
		while (!receiver.closed) await Bun.sleep(5);
	},
};

await programs[program]?.();
