/**
 * Programs with a mutex or a reader-writer lock: `lock PROGRAM PREFIX NAME KIND [ARGUMENT]`. They print JSON lines, and end
 * when they have nothing more to do, unless their comment says otherwise.
 */

import { collectGarbage } from "@libipc/testing/garbage";
import { args, say } from "@libipc/testing/program";
import { spin } from "@libipc/testing/timing";
import { Probe, Word } from "../probe.ts";
import { type IpcError, Mutex, RwLock } from "../under_test.ts";

const [program = "", prefix = "", name = "", kind = "", argument = ""] = args;
const print = (value: unknown): void => say(JSON.stringify(value ?? null));
const open = () => (kind === "rwlock" ? RwLock : Mutex).open(name, { prefix });
const code = (reason: unknown) => (reason as IpcError).code;

const programs: Record<string, () => unknown> = {
	counts() {
		using probe = new Probe(prefix, name);
		using lock = open();
		const { words } = probe;
		probe.start();
		for (let i = 0; i < Number(argument); i++) {
			lock.lock();
			words[Word.count] = (words[Word.count] as number) + 1;
			lock.unlock();
		}
	},

	/** One in four writes. */
	"reads and writes"() {
		using probe = new Probe(prefix, name);
		using lock = RwLock.open(name, { prefix });
		probe.start();
		for (let i = 0; i < Number(argument); i++) {
			if (i % 4 === 0) {
				lock.lock();
				probe.change(lock.ownerDied);
				lock.unlock();
			} else {
				lock.lockShared();
				probe.check();
				lock.unlockShared();
			}
		}
	},

	/** In tasks that hold the lock across turns of the event loop. */
	async "counts in tasks"() {
		using probe = new Probe(prefix, name);
		using lock = open();
		const { words } = probe;
		probe.start();
		const task = async (): Promise<void> => {
			for (let i = 0; i < Number(argument); i++) {
				using _guard = await lock.acquireAsync();
				const count = words[Word.count] as number;
				if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
				words[Word.count] = count + 1;
			}
		};
		await Promise.all(Array.from({ length: 10 }, task));
	},

	/** Changes the probe until it is killed. */
	changes() {
		const probe = new Probe(prefix, name);
		const lock = open();
		print("ready");
		for (;;) {
			using guard = lock.acquire();
			probe.change(guard.ownerDied, () => spin(0.1));
		}
	},

	/** Reads the probe, and changes it one time in four, until it is killed. */
	"reads and changes"() {
		const probe = new Probe(prefix, name);
		const lock = RwLock.open(name, { prefix });
		print("ready");
		for (let i = 0; ; i++) {
			using guard = i % 4 === 0 ? lock.acquire() : lock.acquireShared();
			if (i % 4 === 0) probe.change(guard.ownerDied, () => spin(0.1));
			else if (!guard.ownerDied) {
				probe.check();
				spin(0.05);
				probe.check();
			}
		}
	},

	/** Has the name open until it is killed, and never locks. */
	opens() {
		const lock = open();
		print("open");
		setInterval(() => lock.closed, 60_000);
	},

	/** Holds the lock until it is killed. */
	holds() {
		const lock = open();
		lock.lock();
		print("held");
		setInterval(() => lock.closed, 60_000);
	},

	"holds and exits"() {
		open().lock();
		process.exit(3);
	},

	"holds and throws"() {
		open().lock();
		throw new Error("thrown by the test while it holds the lock");
	},

	/** Locks with handles that it drops, until the garbage collection has closed the one that holds the lock. */
	async "holds and forgets"() {
		using other = open();
		for (let i = 0; i < 20; i++) (() => void open().tryLock())();
		let got = false;
		for (let i = 0; !got && i < 500; i++) {
			await new Promise((resolve) => setTimeout(resolve, 1));
			collectGarbage();
			got = other.tryLock();
		}
		print({ got, ownerDied: other.ownerDied });
		if (got) other.unlock(); // or the name stays for the next owner
	},

	/** Reads until it is killed. */
	reads() {
		const lock = RwLock.open(name, { prefix });
		lock.lockShared();
		print("held");
		setInterval(() => lock.closed, 60_000);
	},

	waits() {
		const lock = open();
		print("waiting");
		try {
			using guard = lock.acquire();
			print({ ownerDied: guard.ownerDied });
		} catch (reason) {
			print({ code: code(reason) });
		}
	},

	"waits to read"() {
		const lock = RwLock.open(name, { prefix });
		print("waiting");
		using guard = lock.acquireShared();
		print({ ownerDied: guard.ownerDied });
	},

	/** Stays alive for the wait, and ends by itself. Reports how many timers of its event loop have run. */
	async "waits async"() {
		const lock = open();
		let ticks = 0;
		const timer = setInterval(() => ticks++, 5).unref();
		const promise = lock.acquireAsync();
		print("waiting");
		try {
			using guard = await promise;
			print({ ownerDied: guard.ownerDied, ticks });
		} catch (reason) {
			print({ code: code(reason), ticks });
		}
		clearInterval(timer);
	},

	async "waited, aborted"() {
		const lock = open();
		const controller = new AbortController();
		const promise = lock.lockAsync({ signal: controller.signal, timeout: 600_000 });
		setTimeout(() => controller.abort("enough"), 5);
		print(await promise.catch((reason: unknown) => reason));
	},
};

const chosen = programs[program];
if (!chosen) throw new Error(`there is no program "${program}"`);
await chosen();
