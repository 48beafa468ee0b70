/**
 * Programs with a semaphore: `semaphore PROGRAM PREFIX NAME [ARGUMENT]`. They print JSON lines, and end when they have
 * nothing more to do, unless their comment says otherwise.
 */

import { collectGarbage } from "@libipc/testing/garbage";
import { args, say } from "@libipc/testing/program";
import { spin } from "@libipc/testing/timing";
import { Probe, Word } from "../probe.ts";
import { type IpcError, Semaphore } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const open = () => Semaphore.open(name, { prefix });

/** Records how many hold a permit at once. */
function enter(probe: Probe): void {
	const inside = probe.add(Word.inside);
	if (inside > probe.get(Word.most)) probe.set(Word.most, inside);
}

const programs: Record<string, () => unknown> = {
	"counts alone"() {
		using probe = new Probe(prefix, name);
		using semaphore = open();
		const { words } = probe;
		probe.start();
		for (let i = 0; i < Number(argument); i++) {
			semaphore.acquire();
			words[Word.count] = (words[Word.count] as number) + 1;
			semaphore.release();
		}
	},

	"counts together"() {
		using probe = new Probe(prefix, name);
		using semaphore = open();
		probe.start();
		for (let i = 0; i < Number(argument); i++) {
			using _permit = semaphore.acquire();
			enter(probe);
			probe.add(Word.count);
			probe.add(Word.inside, -1);
		}
	},

	async "counts in tasks"() {
		using probe = new Probe(prefix, name);
		using semaphore = open();
		probe.start();
		const task = async (): Promise<void> => {
			for (let i = 0; i < Number(argument); i++) {
				using _permit = await semaphore.acquireAsync();
				enter(probe);
				probe.add(Word.count);
				if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
				probe.add(Word.inside, -1);
			}
		};
		await Promise.all(Array.from({ length: 10 }, task));
	},

	/** Releases ARGUMENT times. */
	signals() {
		using probe = new Probe(prefix, name);
		using semaphore = open();
		probe.start();
		for (let i = 0; i < Number(argument); i++) semaphore.release();
	},

	/** Acquires and releases until it is killed. */
	changes() {
		const probe = new Probe(prefix, name);
		const semaphore = open();
		print("ready");
		for (;;) {
			using _permit = semaphore.acquire();
			probe.add(Word.count);
			spin(0.1);
		}
	},

	"holds and exits"() {
		open().acquire();
		process.exit(3);
	},

	"holds and throws"() {
		open().acquire();
		throw new Error("thrown by the test while it holds a permit");
	},

	/** Acquires with handles that it drops, until the garbage collection has closed the one that holds the permit. */
	async "holds and forgets"() {
		using other = open();
		for (let i = 0; i < 20; i++) (() => void open().tryAcquire())();
		let permit = other.tryAcquire();
		for (let i = 0; !permit && i < 500; i++) {
			await new Promise((resolve) => setTimeout(resolve, 1));
			collectGarbage();
			permit = other.tryAcquire();
		}
		print({ got: permit !== null });
	},

	/** Holds ARGUMENT permits until it is killed. */
	holds() {
		const semaphore = open();
		for (let i = 0; i < Number(argument || 1); i++) semaphore.acquire();
		print("held");
		setInterval(() => semaphore.closed, 60_000);
	},

	waits() {
		const semaphore = open();
		print("waiting");
		try {
			using _permit = semaphore.acquire();
			print("acquired");
		} catch (reason) {
			print((reason as IpcError).code);
		}
	},

	/** Stays alive for the wait, and ends by itself. */
	async "waits async"() {
		const semaphore = open();
		const promise = semaphore.acquireAsync();
		print("waiting");
		try {
			using _permit = await promise;
			print("acquired");
		} catch (reason) {
			print((reason as IpcError).code);
		}
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
