/**
 * Programs with a semaphore: `semaphore PROGRAM PREFIX NAME [ARGUMENT]`. What they print is JSON lines; unless said
 * otherwise they end by having nothing more to do.
 */

import { args, say } from "@libipc/testing/program";
import { spin } from "@libipc/testing/timing";
import { Probe, Word } from "../probe.ts";
import { type IpcError, Semaphore } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const open = () => Semaphore.open(name, { prefix });

/** Notes how many are inside at once. */
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

	/** Signals that often. */
	signals() {
		using probe = new Probe(prefix, name);
		using semaphore = open();
		probe.start();
		for (let i = 0; i < Number(argument); i++) semaphore.release();
	},

	/** Takes and gives for ever. */
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

	/** Stays alive for it, and ends by itself. */
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
