/** Says "started", then "ready", and is at something until it is terminated: `victim PROGRAM KIND PREFIX NAME LARGEST NUMBER`. */

import { writePattern } from "@libipc/testing/pattern";
import { args, say } from "@libipc/testing/program";
import { sendInAllWays } from "../all_ways.ts";
import { factories, type Kind } from "../names.ts";
import { Queue } from "../under_test.ts";

const [program = "", kind = "", prefix = "", name = "", most, number] = args;
const factory = factories[kind as Kind];
const largest = Number(most);
const id = Number(number);
const options = { prefix };

const programs: Record<string, () => unknown> = {
	sends() {
		const sender = factory.sender(name, options);
		say("ready");
		sendInAllWays(sender, id, largest, () => true);
	},

	async "sends asynchronously"() {
		const sender = factory.sender(name, options);
		say("ready");
		for (let sent = 0; ; sent++) await sender.sendAsync(writePattern(new Uint8Array(largest), id, sent, largest));
	},

	/** Has room in the ring at every moment, and sends nothing. */
	lends() {
		const sender = factory.sender(name, options);
		say("ready");
		for (;;) {
			const loan = sender.loan(100, { timeout: 5 });
			loan?.bytes.fill(1);
			const other = sender.loan(10, { timeout: 0 });
			loan?.[Symbol.dispose]();
			other?.[Symbol.dispose]();
		}
	},

	receives() {
		const receiver = factory.receiver(name, options);
		const target = new Uint8Array(largest);
		say("ready");
		for (;;) {
			receiver.recv();
			receiver.recvInto(target);
			receiver.drain(() => {});
			receiver.drainBatch(() => {});
		}
	},

	async "receives asynchronously"() {
		const receiver = factory.receiver(name, { ...options, onPeer: () => {} });
		say("ready");
		for await (const message of receiver) if (message.byteLength === 0) break;
	},

	/** Takes jobs, and puts each back. */
	takes() {
		const receiver = Queue.receiver(name, options);
		say("ready");
		for (let i = 0; ; i++) {
			const lease = receiver.take();
			if (i % 2 === 0) lease?.retry();
			else lease?.[Symbol.dispose]();
		}
	},

	async "takes asynchronously"() {
		const receiver = Queue.receiver(name, options);
		say("ready");
		for await (const lease of receiver.leases()) lease.retry();
	},

	opens() {
		say("ready");
		for (;;) {
			const receiver = factory.receiver(name, options);
			const sender = kind === "route" ? undefined : factory.sender(name, options);
			receiver.close();
			sender?.close();
		}
	},
};

say("started");
void programs[program]?.();
