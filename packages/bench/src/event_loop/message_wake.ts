import { monotonicNs, type Receiver, Route } from "@libipc/core";
import type { WakeSource } from "./wake.ts";

/** How the event loop receives. */
const ways = {
	recvAsync: async (receiver: Receiver, count: number, took: (message: Uint8Array) => void): Promise<void> => {
		for (let i = 0; i < count; i++) took((await receiver.recvAsync()) ?? new Uint8Array());
	},
	"for await": async (receiver: Receiver, count: number, took: (message: Uint8Array) => void): Promise<void> => {
		let left = count;
		for await (const message of receiver) {
			took(message);
			if (--left === 0) return;
		}
	},
} as const;

/** Another process sends messages that say when they were sent. */
export function messageWake(way: keyof typeof ways, gapUs: number): WakeSource {
	const name = `wake${process.pid}.${way.replace(" ", ".")}`;
	const receiver = Route.receiver(name);
	const sender = Bun.spawn(
		[process.execPath, new URL("sender.process.ts", import.meta.url).pathname, name, `${gapUs}`],
		{
			stdin: "pipe",
			stdout: "inherit",
			stderr: "inherit",
		},
	);
	return {
		title: `libipc, another process sends: ${way}`,
		async run(count) {
			const times = new Float64Array(count);
			let at = 0;
			const received = ways[way](receiver, count, (message) => {
				const now = monotonicNs();
				times[at++] = now - (new Float64Array(message.buffer, 0, 1)[0] as number);
			});
			sender.stdin.write(`${count}\n`);
			sender.stdin.flush();
			await received;
			return times;
		},
		async [Symbol.asyncDispose]() {
			sender.stdin.end();
			await sender.exited;
			receiver.close();
		},
	};
}
