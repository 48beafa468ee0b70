import { monotonicNs, type Receiver, Route } from "libipc";
import { BunProgram } from "../launcher/bun_program.ts";
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
export function messageWake(way: keyof typeof ways, gapUs: number, signal: AbortSignal): WakeSource {
	const name = `wake${process.pid}.${way.replace(" ", ".")}`;
	const receiver = Route.receiver(name);
	const sender = new BunProgram<number, "done">({
		name: `the sender to ${way}`,
		program: new URL("sender.program.ts", import.meta.url),
		args: [name, String(gapUs)],
		signal,
	});
	return {
		title: `libipc, another process sends: ${way}`,
		async run(count) {
			const times = new Float64Array(count);
			let at = 0;
			const received = ways[way](receiver, count, (message) => {
				const now = monotonicNs();
				times[at++] = now - (new Float64Array(message.buffer, 0, 1)[0] as number);
			});
			sender.send(count);
			// If the sender ends too early, its report rejects, and the messages are waited for no longer.
			await Promise.all([received, sender.report()]);
			return times;
		},
		async [Symbol.asyncDispose]() {
			await sender[Symbol.asyncDispose]();
			receiver.close();
			// A killed sender leaves the segment.
			Route.clear(name);
		},
	};
}
