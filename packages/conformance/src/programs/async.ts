/**
 * Programs that wait in their event loop: `async PROGRAM PREFIX NAME [ARGUMENT]`. What they print is JSON lines;
 * unless said otherwise they end by having nothing more to wait for.
 */

import { isMainThread } from "node:worker_threads";
import { collectGarbage } from "@libipc/testing/garbage";
import { thrownCode } from "@libipc/testing/outcome";
import { args, say } from "@libipc/testing/program";
import { text } from "@libipc/testing/text";
import { sleep } from "@libipc/testing/timing";
import { Channel, IpcError, type Receiver } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const tick = () => new Promise((resolve) => setImmediate(resolve));

const unhandled: string[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(String(reason)));

function waiting(receiver: Receiver): void {
	receiver.recvAsync().then((message) => print(text(message)));
}

const programs: Record<string, () => unknown> = {
	async waits() {
		const receiver = Channel.receiver(name, { prefix });
		waiting(receiver);
		await tick();
		print("waiting");
	},

	async "waits, unref"() {
		const receiver = Channel.receiver(name, { prefix });
		waiting(receiver);
		await tick();
		receiver.unref();
		print("waiting");
	},

	"unref, waits"() {
		waiting(Channel.receiver(name, { prefix }).unref());
		print("waiting");
	},

	"waits with a timeout, unref"() {
		const receiver = Channel.receiver(name, { prefix });
		void receiver.recvAsync({ timeout: 600_000 });
		receiver.unref();
		print("waiting");
	},

	async "unref, waits, ref"() {
		const receiver = Channel.receiver(name, { prefix }).unref();
		waiting(receiver);
		await tick();
		receiver.ref();
		print("waiting");
	},

	async "waited, aborted"() {
		const receiver = Channel.receiver(name, { prefix });
		const controller = new AbortController();
		const promise = receiver.recvAsync({ signal: controller.signal, timeout: 600_000 });
		await tick();
		controller.abort("enough");
		print(await promise.catch((reason: unknown) => reason));
	},

	async "waited, got it"() {
		const receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(name, { prefix });
		const promise = receiver.recvAsync({ timeout: 600_000 });
		await tick();
		sender.send("it");
		print(text(await promise));
	},

	"opens only"() {
		Channel.receiver(name, { prefix, onPeer: () => {} });
		Channel.sender(name, { prefix, onPeer: () => {} });
		print("open");
	},

	async "sends to a full ring"() {
		const sender = Channel.sender(name, { prefix });
		while (sender.trySend("more"));
		sender.sendAsync("last").then(print);
		await tick();
		print("waiting");
	},

	async "exits while waiting"() {
		const receiver = Channel.receiver(name, { prefix });
		const sender = Channel.sender(name, { prefix });
		void receiver.recvAsync();
		void (async () => {
			for await (const message of receiver) print(text(message));
		})();
		void sender.receiversReady(5);
		await tick();
		await sleep(Number(argument));
		process.exit(7);
	},

	/** Sends back what it gets, until it gets "end". */
	async echoes() {
		using receiver = Channel.receiver(name, { prefix });
		using sender = Channel.sender(`${name}.back`, { prefix });
		await sender.receiversReady(1);
		print("ready");
		for await (const message of receiver) {
			if (text(message) === "end") break;
			await sender.sendAsync(message);
		}
		print({ unhandled });
	},

	/** Receives numbers and aborts at every imaginable moment; tells what came, up to number ARGUMENT. */
	async aborts() {
		using receiver = Channel.receiver(name, { prefix });
		const reason = new Error("aborted by the test");
		const last = Number(argument);
		let next = 0;
		let aborted = 0;
		let raced = 0;
		print("ready");
		for (let round = 0; next < last; round++) {
			const controller = new AbortController();
			const promise = receiver.recvAsync({ signal: controller.signal });
			const abort = () => controller.abort(reason);
			if (round % 4 === 0) queueMicrotask(abort);
			else if (round % 4 === 1) setImmediate(abort);
			else if (round % 4 === 2) setTimeout(abort, round % 3);
			else
				setImmediate(() => {
					// As near to the arrival of a message as possible: it is in the ring, and no wait has been signalled.
					const started = performance.now();
					while (performance.now() - started < (round % 10) / 20);
					abort();
				});
			try {
				const message = Number(text(await promise) ?? Number.NaN);
				if (message !== next) throw new Error(`${message} came instead of ${next}`);
				next++;
				if (controller.signal.aborted) raced++;
			} catch (error) {
				if (error !== reason) throw error;
				aborted++;
			}
		}
		print({ next, aborted, raced, rest: text(receiver.tryRecv()), unhandled });
	},

	/** Eight endpoints wait, and nothing comes. Reports how much processor time that takes. */
	async idles() {
		const receivers = Array.from({ length: 8 }, (_, i) => Channel.receiver(`${name}.${i}`, { prefix }));
		const waits = receivers.map((receiver) => receiver.recvAsync());
		// The runtime's own work after its start ends first.
		await sleep(1000);
		collectGarbage();
		await sleep(100);
		const before = process.cpuUsage();
		await sleep(Number(argument));
		const { user, system } = process.cpuUsage(before);
		print({ cpuMs: (user + system) / 1000 });
		for (const receiver of receivers) receiver.close();
		const ends = await Promise.allSettled(waits);
		print(ends.map((end) => (end.status === "rejected" && end.reason instanceof IpcError ? end.reason.code : end)));
	},

	/** Waits in a blocking call for a message that does not come. Reports how much processor time that takes. */
	async "idles in a call"() {
		using receiver = Channel.receiver(name, { prefix });
		await sleep(1000);
		collectGarbage();
		const before = process.cpuUsage();
		receiver.recv({ timeout: Number(argument) });
		const { user, system } = process.cpuUsage(before);
		print({ cpuMs: (user + system) / 1000 });
	},

	/** Sends one message and is gone: its process is killed, or its thread ends. */
	"sends and dies"() {
		Channel.sender(name, { prefix }).send("last words");
		if (isMainThread) process.kill(process.pid, "SIGKILL");
		process.exit();
	},

	"opens and exits"() {
		Channel.receiver(name, { prefix });
		print("open");
		process.exit(0);
	},

	/** Opens endpoints, and reports what an exit handler gets from them. */
	"uses endpoints while it exits"() {
		const receiver = Channel.receiver(name, { prefix });
		const sender = Channel.sender(name, { prefix });
		process.on("exit", () => {
			for (const call of [() => sender.send("x"), () => receiver.recv({ timeout: 0 })]) print(thrownCode(call));
		});
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
