/**
 * Programs with a condition: `condition PROGRAM PREFIX NAME [ARGUMENT]`; its mutex is NAME.mutex. They print JSON lines.
 */

import { args, say } from "@libipc/testing/program";
import { Probe, Word } from "../probe.ts";
import { Condition, type IpcError, Mutex } from "../under_test.ts";
import { rounds } from "../volume.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const mutex = Mutex.open(`${name}.mutex`, { prefix });
const condition = Condition.open(name, { prefix });
const filled = Condition.open(`${name}.filled`, { prefix });
const emptied = Condition.open(`${name}.emptied`, { prefix });

/** A buffer for 16 numbers: how many were put, how many were taken, and the numbers from word 32 on. */
const SLOTS = 16;
const put = Word.begun;
const taken = Word.done;

/** How many numbers each producer puts and each consumer takes. */
const NUMBERS = rounds(5000, 1000);

const programs: Record<string, () => unknown> = {
	/** Producer ARGUMENT puts its numbers. */
	produces() {
		using probe = new Probe(prefix, name);
		const { words } = probe;
		probe.start();
		for (let i = 0; i < NUMBERS; i++) {
			using _guard = mutex.acquire();
			while ((words[put] as number) - (words[taken] as number) === SLOTS) emptied.wait(mutex);
			words[32 + ((words[put] as number) % SLOTS)] = Number(argument) * 10_000 + i;
			words[put] = (words[put] as number) + 1;
			filled.notify();
		}
	},

	/** Takes as many numbers as a producer puts, and prints them. ARGUMENT: "async" or "sync". */
	async consumes() {
		using probe = new Probe(prefix, name);
		const { words } = probe;
		const got: number[] = [];
		probe.start();
		for (let i = 0; i < NUMBERS; i++) {
			using _guard = argument === "async" ? await mutex.acquireAsync() : mutex.acquire();
			while (words[put] === words[taken])
				if (argument === "async") await filled.waitAsync(mutex);
				else filled.wait(mutex);
			got.push(words[32 + ((words[taken] as number) % SLOTS)] as number);
			words[taken] = (words[taken] as number) + 1;
			emptied.notify();
		}
		print(got);
	},

	/** Takes until it is killed. */
	takes() {
		const probe = new Probe(prefix, name);
		const { words } = probe;
		print("ready");
		for (;;) {
			using guard = mutex.acquire();
			if (guard.ownerDied) probe.add(Word.told);
			while (words[Word.count] === 0) filled.wait(mutex);
			words[Word.count] = (words[Word.count] as number) - 1;
			emptied.notifyAll();
		}
	},

	waits() {
		mutex.lock();
		print("waiting");
		try {
			print({ notified: condition.wait(mutex), held: mutex.held });
		} catch (reason) {
			print({ code: (reason as IpcError).code, held: mutex.held });
		}
		for (const each of [condition, filled, emptied, mutex]) each.close();
	},

	/** Stays alive for the wait, and ends by itself. */
	async "waits async"() {
		mutex.lock();
		const promise = condition.waitAsync(mutex);
		print("waiting");
		try {
			print({ notified: await promise, held: mutex.held });
		} catch (reason) {
			print({ code: (reason as IpcError).code, held: mutex.held });
		}
		mutex.unlock();
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
