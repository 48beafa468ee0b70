/**
 * A worker on a queue: `queue PROGRAM PREFIX NAME [ARGUMENT]`. Says "ready" when it is open, works until it gets
 * "stop", and prints the jobs it has done, in order.
 */
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { Queue } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
using receiver = Queue.receiver(name, { prefix });
const done: string[] = [];
let stopped = false;

function work(bytes: Uint8Array): void {
	const job = text(bytes);
	if (job === "stop") stopped = true;
	else done.push(job);
}

const programs: Record<string, () => unknown> = {
	recv() {
		while (!stopped) work(receiver.recv() ?? new Uint8Array());
	},
	drain() {
		while (!stopped) receiver.drain(work, { max: 1 });
	},
	drainBatch() {
		while (!stopped)
			receiver.drainBatch(({ bytes, offsets, lengths }) => {
				const at = offsets[0] as number;
				work(bytes.subarray(at, at + (lengths[0] as number)));
			});
	},
	async messages() {
		for await (const message of receiver) {
			work(message);
			if (stopped) break;
		}
	},
	async leases() {
		for await (const lease of receiver.leases()) {
			work(lease.bytes);
			lease.done();
			if (stopped) break;
		}
	},
	/** Puts every third job back the first time it gets it. */
	retry() {
		for (let i = 0; !stopped; i++) {
			using lease = receiver.take();
			if (!lease || (i % 3 === 0 && lease.attempt === 1)) continue;
			work(lease.bytes);
			lease.done();
		}
	},
	/** Works for a while on each. */
	slowly() {
		while (!stopped) {
			using lease = receiver.take();
			if (!lease) continue;
			const started = performance.now();
			while (performance.now() - started < Number(argument));
			work(lease.bytes);
			lease.done();
		}
	},
	/** Takes one and keeps it until it is killed. */
	async keep() {
		const lease = receiver.take();
		say(JSON.stringify([lease && text(lease.bytes), lease?.attempt]));
		setInterval(() => lease?.attempt, 60_000);
		await new Promise(() => {});
	},
};

say("ready");
await programs[program]?.();
say(JSON.stringify(done));
