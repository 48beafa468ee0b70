/** Programs with shared memory: `shared_memory PROGRAM PREFIX NAME [ARGUMENT]`. They print JSON lines. */

import { args, say } from "@libipc/testing/program";
import { type IpcError, SharedMemory } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const open = (size = 4096) => SharedMemory.open(name, { prefix, size });

const programs: Record<string, () => unknown> = {
	/** A lock of one word: 0 free, 1 locked, 2 locked and waited for. It protects the word at 1. */
	counts() {
		using memory = open();
		const { words } = memory;
		print("ready");
		while (Atomics.load(words, 2) === 0) memory.waitOn(8, 0);
		for (let i = 0; i < Number(argument); i++) {
			if (Atomics.compareExchange(words, 0, 0, 1) !== 0)
				while (Atomics.exchange(words, 0, 2) !== 0) memory.waitOn(0, 2);
			words[1] = (words[1] as number) + 1;
			if (Atomics.exchange(words, 0, 0) === 2) memory.wake(0, 1);
		}
	},

	/** Copies word 0 to word 1 until it is killed. */
	copies() {
		const memory = open();
		const { words } = memory;
		print("ready");
		for (let seen = Atomics.load(words, 0); ; seen = Atomics.load(words, 0)) {
			if (Atomics.load(words, 1) < seen) Atomics.store(words, 1, seen);
			memory.wake(4);
			memory.waitOn(0, seen);
		}
	},

	waits() {
		using memory = open();
		print("waiting");
		print(memory.waitOn(Number(argument), 0));
	},

	/** Stays alive for the wait, and ends by itself. */
	async "waits async"() {
		const memory = open();
		const promise = memory.waitOnAsync(Number(argument), 0);
		print("waiting");
		print(await promise);
	},

	holds() {
		const memory = open();
		memory.bytes.set([7, 8, 9], 100);
		print("held");
		setInterval(() => memory.closed, 60_000);
	},

	grows() {
		using memory = SharedMemory.open(name, { prefix, mode: "open" });
		print({ size: memory.grow(Number(argument)), byteLength: memory.byteLength });
	},

	/** Reports what a handler of "exit" finds. */
	exits() {
		const memory = open();
		const view = memory.bytes;
		view[0] = 5;
		process.on("exit", () => {
			const codes = [
				() => memory.bytes,
				() => memory.words,
				() => memory.byteLength,
				() => memory.referenceCount,
				() => memory.grow(8192),
				() => memory.unlink(),
				() => memory.waitOn(0, 0),
				() => memory.wake(0),
			].map((call) => {
				try {
					return String(call());
				} catch (error) {
					return (error as IpcError).code;
				}
			});
			print({ codes, byte: view[0] });
		});
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
