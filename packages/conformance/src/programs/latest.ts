/**
 * Programs with a latest value: `latest PROGRAM PREFIX NAME [ARGUMENT]`. They print JSON lines, and end when they have nothing more to
 * do, unless their comment says otherwise.
 */

import { args, say } from "@libipc/testing/program";
import { checkPattern, patternOf } from "../latest_pattern.ts";
import { type IpcError, Latest } from "../under_test.ts";

const [program = "", prefix = "", name = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const open = () => Latest.open(name, { prefix });

const programs: Record<string, () => unknown> = {
	/** Sets values of many lengths until it is killed. ARGUMENT: where it begins. */
	sets() {
		using latest = open();
		print("sets");
		for (let seed = Number(argument); ; seed = (seed + 7919) % 100_000) latest.set(patternOf(seed));
	},

	/** Gets until it is killed, or finds a torn value. */
	gets() {
		using latest = open();
		print("gets");
		for (;;) checkPattern(latest.get());
	},

	/** Gets ARGUMENT times. */
	"gets some"() {
		using latest = open();
		let version = 0;
		for (let i = 0; i < Number(argument); i++) {
			checkPattern(latest.get());
			if (latest.seen < version) throw new Error(`version ${latest.seen} comes after ${version}`);
			version = latest.seen;
		}
		print("got");
	},

	/** Adds 1, ARGUMENT times. */
	counts() {
		using latest = open();
		for (let i = 0; i < Number(argument); i++)
			latest.update((value) => Uint32Array.of(1 + (value ? (new Uint32Array(value.buffer)[0] as number) : 0)));
		print("counted");
	},

	/** Stays in an update until it is killed. */
	updates() {
		using latest = open();
		latest.update(() => {
			print("updates");
			for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
		});
	},

	/** Waits for each of the versions up to ARGUMENT, or a later one. */
	waits() {
		using latest = open();
		print("waiting");
		try {
			while (latest.seen < Number(argument)) latest.wait();
			print(latest.seen);
		} catch (reason) {
			print((reason as IpcError).code);
		}
	},

	async iterates() {
		using latest = open();
		print("waiting");
		for await (const _ of latest.changed()) if (latest.seen >= Number(argument)) break;
		print(latest.seen);
	},

	/** Ends, although it waits. */
	"waits without keeping itself alive"() {
		open().unref().waitAsync().then(print, print);
		print("waiting");
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
