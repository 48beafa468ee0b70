/**
 * Programs with a Signal: `notify PROGRAM PREFIX NAME [ARGUMENT]`. They print JSON lines, and end when they have nothing more to do,
 * unless their comment says otherwise.
 */

import { args, say } from "@libipc/testing/program";
import { NOTIFIED, SEEN } from "../notify_words.ts";
import { Probe } from "../probe.ts";
import { type IpcError, Signal } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const open = () => Signal.open(name, { prefix });

/** Takes ids until it has seen the last value of each of the first four: `next` takes one. ARGUMENT: its number, and the last value. */
async function seesAll(next: (signal: Signal) => number | Promise<number>): Promise<void> {
	const [number = 0, last = 0] = argument.split(",").map(Number);
	using probe = new Probe(prefix, name);
	using signal = open();
	print("listens");
	const seen = [0, 0, 0, 0];
	while (seen.some((value) => value < last)) {
		const id = await next(signal);
		// What the notifier wrote before the notification.
		const value = Atomics.load(probe.words, NOTIFIED + id);
		if (value < (seen[id] as number)) throw new Error(`${value} of ${id} comes after ${seen[id]}`);
		seen[id] = value;
		Atomics.store(probe.words, SEEN + number * 4 + id, value);
	}
}

const programs: Record<string, () => unknown> = {
	"waits for all": () => seesAll((signal) => signal.wait()),

	"waits for all in the event loop": () => seesAll((signal) => signal.waitAsync()),

	async "iterates over all"() {
		let iterator: AsyncIterator<number> | undefined;
		await seesAll(async (signal) => {
			iterator ??= signal[Symbol.asyncIterator]();
			const { value, done } = await iterator.next();
			if (done) throw new Error("the iteration has ended");
			return value;
		});
	},

	/** Listens, and takes nothing, until it is killed. */
	listens() {
		const signal = open();
		print("listens");
		setInterval(() => signal.closed, 60_000);
	},

	/** Notifies until it is killed. */
	notifies() {
		using signal = open();
		print("notifies");
		for (;;) signal.notify(1, 40);
	},

	waits() {
		using signal = open();
		print("waiting");
		try {
			print(signal.wait());
		} catch (reason) {
			print((reason as IpcError).code);
		}
	},

	/** Stays alive for the wait, and ends by itself. */
	async "waits async"() {
		using signal = open();
		const id = signal.waitAsync();
		print("waiting");
		try {
			print(await id);
		} catch (reason) {
			print((reason as IpcError).code);
		}
	},

	/** Ends, although it waits. */
	"waits without keeping itself alive"() {
		void open().unref().waitAsync().then(print);
		print("waiting");
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
