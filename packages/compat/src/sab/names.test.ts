import { describe, expect, test } from "bun:test";
import {
	CLAIM_ABANDONED,
	type EndpointKind,
	type HandleKind,
	headerLong,
	headerWord,
	type IpcError,
	Kind,
} from "@libipc/protocol";
import { Segment } from "../segment/segment.ts";
import type { OpenSegment } from "../segment_endpoint.ts";
import { BUCKET_COUNT, FIRST_UNIT, MAX_THREADS, UNIT_BYTES } from "./hub_layout.ts";
import { keyOf } from "./name_table.ts";
import { type NameOptions, openName } from "./names.ts";
import { clearSegment, openAsHandle, openAsReceiver, openAsSender } from "./open_segment.ts";
import { extendMemory, reserveBlock, usage } from "./reserve.ts";
import { killedAt } from "./testing/kill.ts";
import { codeOf, noOptions, PretendProcess } from "./testing/pretend.ts";
import type { Threads } from "./threads.ts";

const UNITS = 400;

const small: NameOptions = { ...noOptions, capacity: 4096, maxReceivers: 2 };
const few: NameOptions = { ...noOptions, maxReceivers: 2 };

const sender = (thread: Threads, name: string, options = small, kind: EndpointKind = "channel"): OpenSegment =>
	openAsSender(thread, kind, "", name, options);
const receiver = (thread: Threads, name: string, options = small, kind: EndpointKind = "channel"): OpenSegment =>
	openAsReceiver(thread, kind, "", name, options, false);
const handle = (thread: Threads, kind: HandleKind, name: string, options = few): OpenSegment =>
	openAsHandle(thread, kind, "", name, options);

const usedBytes = (thread: Threads): number => usage(thread).used - FIRST_UNIT * UNIT_BYTES;

describe("names in the hub", () => {
	test("lead all threads to one segment, each prefix and kind to its own", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const first = sender(a, "name");
		const second = receiver(b, "name");
		expect(second.segment.bytes.byteOffset).toBe(first.segment.bytes.byteOffset);
		expect(second.segment.words[headerWord.receiverCount]).toBe(1);
		expect(first.segment.words[headerWord.senderCount]).toBe(1);
		const others = [
			openAsSender(a, "channel", "prefix", "name", small),
			openAsSender(a, "channel", "", "prefixname", small),
			openAsSender(a, "queue", "", "name", small),
			handle(a, "mutex", "name"),
		];
		const offsets = [first, ...others].map(({ segment }) => segment.bytes.byteOffset);
		expect(new Set(offsets).size).toBe(offsets.length);
	});

	test("are gone with the last endpoint, and their memory with them", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const first = sender(a, "name");
		const second = receiver(b, "name");
		const used = usedBytes(a);
		first.leave();
		expect(usedBytes(a)).toBe(used);
		second.leave();
		expect(usedBytes(a)).toBe(0);
		const again = sender(b, "name", { ...small, capacity: 8192 });
		expect(again.segment.capacity).toBe(8192);
	});

	test("of the dead are replaced", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		sender(a, "name", small, "route");
		process.kill(a);
		const again = sender(b, "name", { ...small, capacity: 8192 }, "route");
		expect(again.segment.capacity).toBe(8192);
		again.leave();
		expect(usedBytes(b)).toBe(0);
	});

	test("of the dead give their memory back when it is needed", () => {
		const process = new PretendProcess(UNITS);
		const survivor = process.start();
		sender(survivor, "kept");
		for (let round = 0; round < 20; round++) {
			const thread = process.start();
			for (let i = 0; i < 5; i++) sender(thread, `name ${round} ${i}`);
			process.kill(thread);
		}
		// Of another size: what was free must have been put together.
		expect(sender(survivor, "large", { ...small, capacity: 2 ** 20 }).segment.capacity).toBe(2 ** 20);
	});

	test("that were removed stay with those who have them open", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const old = sender(a, "name");
		clearSegment(b, "channel", "", "name");
		expect(old.segment.words[headerWord.orphaned]).toBe(1);
		const other = sender(b, "name");
		expect(other.segment.bytes.byteOffset).not.toBe(old.segment.bytes.byteOffset);
		const both = usedBytes(a);
		old.leave();
		expect(usedBytes(a)).toBe(both / 2);
		other.leave();
		expect(usedBytes(a)).toBe(0);
		clearSegment(b, "channel", "", "name"); // nothing there: nothing happens
	});

	test("that were removed stay until the last of all threads has left", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const [first, second] = [sender(a, "name"), receiver(b, "name")];
		clearSegment(a, "channel", "", "name");
		first.leave();
		expect(sender(a, "name").segment.bytes.byteOffset).not.toBe(second.segment.bytes.byteOffset);
		const used = usedBytes(a);
		second.leave();
		expect(usedBytes(a)).toBe(used / 2);
	});

	test("stay while a view of their memory is held, though it is closed", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		const memory = handle(thread, "memory", "name", { ...few, size: 4096 });
		const view = {};
		thread.retain(memory.segment, view);
		memory.leave();
		expect(usedBytes(thread)).toBeGreaterThan(0);
		// As the registry does when the view is collected.
		thread.releaseHold(memory.segment.bytes.byteOffset / UNIT_BYTES - 1);
		expect(usedBytes(thread)).toBe(0);
	});

	test("are found among ten thousand", () => {
		const process = new PretendProcess(10_000 * 3);
		const thread = process.start();
		const all = Array.from({ length: 10_000 }, (_, i) => handle(thread, "mutex", `name ${i}`));
		const offsets = new Set(all.map(({ segment }) => segment.bytes.byteOffset));
		expect(offsets.size).toBe(10_000);
		expect(codeOf(() => handle(thread, "mutex", "one more"))).toBe("ERR_IPC_NO_SPACE");
		for (const i of [0, 1, 4711, 9999]) {
			const again = handle(thread, "mutex", `name ${i}`);
			expect(again.segment.bytes.byteOffset).toBe(all[i]?.segment.bytes.byteOffset as number);
			again.leave();
		}
		for (const { leave } of all) leave();
		expect(usedBytes(thread)).toBe(0);
	}, 20_000);

	test("say what an open failed with", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		sender(thread, "name", { ...small, overflow: 2, permissions: 0o640 }, "route");
		const message = (action: () => unknown): string => {
			try {
				action();
			} catch (error) {
				return `${(error as IpcError).code}: ${(error as IpcError).message}`;
			}
			return "";
		};
		const open = (options: Partial<NameOptions>): string =>
			message(() => receiver(thread, "name", { ...noOptions, permissions: 0o640, ...options }, "route"));
		expect(open({})).toBe("");
		expect(open({ maxReceivers: 2, capacity: 4096, overflow: 2 })).toBe("");
		expect(open({})).toMatch(/^ERR_IPC_TOO_MANY_RECEIVERS: .* 2 receivers/);
		expect(open({ capacity: 8192 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*capacity 4096.*8192/);
		expect(open({ maxReceivers: 3 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*maxReceivers 2.*3/);
		expect(open({ overflow: 1 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*"drop-newest".*"block"/);
		expect(open({ permissions: 0o600 })).toMatch(/^ERR_IPC_OPTIONS_MISMATCH: .*0o640.*0o600/);
		expect(open({ permissions: 0 })).toMatch(/^ERR_IPC_PERMISSION: .*0o640/);
		expect(message(() => sender(thread, "name", { ...noOptions, permissions: 0o640 }, "route"))).toMatch(
			/^ERR_IPC_HAS_SENDER/,
		);
		const robust = { ...few, initial: 3, robust: 1 };
		handle(thread, "semaphore", "permits", robust);
		expect(message(() => handle(thread, "semaphore", "permits", { ...robust, initial: 4 }))).toMatch(/initial 2.*3/);
		expect(message(() => handle(thread, "semaphore", "permits", { ...robust, robust: 2 }))).toMatch(
			/robust true.*false/,
		);
		const memory = { ...few, size: 100 };
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, mode: 2 }))).toMatch(/^ERR_IPC_NOT_FOUND/);
		handle(thread, "memory", "bytes", { ...memory, mode: 1 });
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, mode: 1 }))).toMatch(/^ERR_IPC_EXISTS/);
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, size: 101 }))).toMatch(/100 bytes.*101/);
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, mode: 2, size: 0 }))).toBe("");
		expect(message(() => handle(thread, "memory", "bytes", { ...memory, size: 0, mode: 2 }))).toMatch(
			/^ERR_IPC_TOO_MANY_HANDLES: .* 2 times/,
		);
		expect(message(() => sender(thread, "large", { ...small, capacity: 2 ** 24 }))).toMatch(
			/^ERR_IPC_NO_SPACE: .*needs 16\d{6} bytes.*of the \d+ MiB/,
		);
	});

	test("that are damaged are told to be, and can be cleared", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		const { segment } = sender(thread, "name");
		segment.words[headerWord.bodyOffset] = 1;
		expect(codeOf(() => receiver(thread, "name"))).toBe("ERR_IPC_CORRUPT");
		clearSegment(thread, "channel", "", "name");
		expect(codeOf(() => receiver(thread, "name"))).toBe("");
	});
});

test("a thousand threads have places, and those of the dead are given to others", () => {
	const process = new PretendProcess(UNITS);
	const all = Array.from({ length: MAX_THREADS }, () => process.start());
	expect(new Set(all.map(({ slot }) => slot)).size).toBe(MAX_THREADS);
	expect(codeOf(() => process.start())).toBe("ERR_IPC_NO_SPACE");
	const dead = all.splice(500, 2);
	dead[0]?.lockNames(0);
	for (const thread of dead) process.kill(thread);
	const others = [process.start(), process.start()];
	expect(others.map(({ slot }) => slot)).toEqual(dead.map(({ slot }) => slot));
	// The slot of who has the lock is gone: so is its owner.
	expect(all[0]?.lockNames(10_000)).toBe(true);
	expect(others[0]?.lockNames(0)).toBe(false);
	all[0]?.unlockNames();
	expect(codeOf(() => process.start())).toBe("ERR_IPC_NO_SPACE");
});

describe("shared memory in the hub", () => {
	const bytesOf = ({ segment }: OpenSegment, length: number): Uint8Array =>
		new Uint8Array(segment.bytes.buffer, segment.bytes.byteOffset + segment.body, length);

	function grow(thread: Threads, { segment }: OpenSegment, to: number): boolean {
		expect(thread.lock(segment, 0)).toBe(0);
		const before = Number(segment.longs[headerLong.memoryBytes]);
		const has = extendMemory(thread, segment, before, to);
		if (has) Atomics.store(segment.longs, headerLong.memoryBytes, BigInt(to));
		thread.unlock(segment);
		return has;
	}

	test("is all zeros, also what is used again, and what it grows into", () => {
		const process = new PretendProcess(UNITS);
		const thread = process.start();
		for (let round = 0; round < 3; round++) {
			const memory = handle(thread, "memory", "name", { ...few, size: 5000 });
			expect(bytesOf(memory, 5000).every((byte) => byte === 0)).toBe(true);
			bytesOf(memory, 5000).fill(0xee);
			expect(grow(thread, memory, 300_000)).toBe(true);
			expect(bytesOf(memory, 5000).every((byte) => byte === 0xee)).toBe(true);
			expect(
				bytesOf(memory, 300_000)
					.subarray(5000)
					.every((byte) => byte === 0),
			).toBe(true);
			bytesOf(memory, 300_000).fill(0xdd);
			memory.leave();
			expect(usedBytes(thread)).toBe(0);
		}
	});

	test("grows over what the dead have left behind it, and not over what lives there", () => {
		const process = new PretendProcess(UNITS);
		const [a, b] = [process.start(), process.start()];
		const memory = handle(a, "memory", "name", { ...few, size: 4096 });
		handle(b, "mutex", "behind");
		expect(grow(a, memory, 2 ** 20)).toBe(false);
		process.kill(b);
		expect(grow(a, memory, 2 ** 20)).toBe(true);
	});
});

describe("a lock that somebody died inside", () => {
	for (const options of [few, { ...few, maxReceivers: 3 }])
		test(`is inherited, not forgotten (${options === few ? "as it is" : "with other options"})`, () => {
			const process = new PretendProcess(UNITS);
			const [a, b] = [process.start(), process.start()];
			const mutex = handle(a, "mutex", "name");
			mutex.segment.words[headerWord.claim] = mutex.instance;
			const rwlock = handle(a, "rwlock", "name");
			rwlock.segment.words[headerWord.claim] = rwlock.instance;
			rwlock.segment.words[headerWord.writing] = rwlock.instance;
			process.kill(a);
			expect(codeOf(() => handle(b, "mutex", "name", { ...options, mode: 2 }))).toBe("ERR_IPC_NOT_FOUND");
			// Whoever needs room leaves it, too.
			reserveBlock(b, UNITS * UNIT_BYTES, 0);
			const next = handle(b, "mutex", "name", options);
			expect(next.segment.words[headerWord.claim]).toBe(CLAIM_ABANDONED);
			const nextWriter = handle(b, "rwlock", "name", options);
			expect(nextWriter.segment.words[headerWord.claim]).toBe(0);
			expect(nextWriter.segment.words[headerWord.writing]).not.toBe(0);
			next.segment.words[headerWord.claim] = 0;
			next.leave();
			nextWriter.leave();
			expect(usedBytes(b)).toBe(0);
		});
});

/** What a thread is killed in, in a world that was prepared for it; `check`: what the survivor must find. */
interface Scenario {
	readonly what: string;
	/** Whose endpoints there are at first. */
	prepare?(
		process: PretendProcess,
		survivor: Threads,
		victim: Threads,
	): { survivors?: OpenSegment; victims?: OpenSegment };
	run(victim: Threads, own: OpenSegment | undefined): void;
	check?(survivor: Threads, own: OpenSegment | undefined): void;
}

const deadSender = (process: PretendProcess): object => {
	const dead = process.start();
	sender(dead, "name");
	process.kill(dead);
	return {};
};

const diedInside =
	(options: NameOptions) =>
	(process: PretendProcess): object => {
		const dead = process.start();
		const mutex = handle(dead, "mutex", "name", options);
		mutex.segment.words[headerWord.claim] = mutex.instance;
		process.kill(dead);
		return {};
	};

const isTold = (survivor: Threads): void => {
	const mutex = handle(survivor, "mutex", "name");
	expect(mutex.segment.words[headerWord.claim]).not.toBe(0);
	mutex.segment.words[headerWord.claim] = 0;
	mutex.leave();
};

const scenarios: readonly Scenario[] = [
	{ what: "joining the hub", run: ({ blocks }) => new PretendJoiner(blocks.buffer) },
	{ what: "making a name", run: (victim) => sender(victim, "name") },
	{
		what: "joining a name",
		prepare: (_process, survivor) => ({ survivors: receiver(survivor, "name") }),
		run: (victim) => sender(victim, "name"),
		check: (survivor, own) => {
			const other = sender(survivor, "name");
			expect(other.segment.bytes.byteOffset).toBe(own?.segment.bytes.byteOffset as number);
			expect(other.segment.words[headerWord.senderCount]).toBe(1);
			other.leave();
		},
	},
	{ what: "replacing a leftover", prepare: deadSender, run: (victim) => receiver(victim, "name") },
	{
		what: "inheriting a lock",
		prepare: diedInside(few),
		run: (victim) => handle(victim, "mutex", "name"),
		check: isTold,
	},
	{
		what: "replacing a lock that somebody died inside",
		prepare: diedInside({ ...few, maxReceivers: 5 }),
		run: (victim) => handle(victim, "mutex", "name"),
		check: isTold,
	},
	{
		what: "leaving as the last",
		prepare: (_process, _survivor, victim) => ({ victims: sender(victim, "name") }),
		run: (_victim, own) => own?.leave(),
	},
	{
		what: "leaving others",
		prepare: (_process, survivor, victim) => ({
			survivors: receiver(survivor, "name"),
			victims: sender(victim, "name"),
		}),
		run: (_victim, own) => own?.leave(),
		check: (survivor, own) => {
			const again = receiver(survivor, "name");
			expect(again.segment.bytes.byteOffset).toBe(own?.segment.bytes.byteOffset as number);
			again.leave();
		},
	},
	{
		what: "removing a name",
		prepare: (_process, survivor) => ({ survivors: receiver(survivor, "name") }),
		run: (victim) => clearSegment(victim, "channel", "", "name"),
		check: (survivor, own) => {
			const now = receiver(survivor, "name");
			const isSame = now.segment.bytes.byteOffset === own?.segment.bytes.byteOffset;
			expect(own?.segment.words[headerWord.orphaned]).toBe(isSame ? 0 : 1);
			now.leave();
		},
	},
	{
		what: "growing memory",
		prepare: (_process, survivor) => {
			const memory = handle(survivor, "memory", "name", { ...few, size: 4096 });
			memory.segment.bytes.fill(7, memory.segment.body);
			return { survivors: memory };
		},
		run: (victim) => {
			const memory = handle(victim, "memory", "name", { ...few, size: 1 });
			victim.lock(memory.segment, 0);
			if (extendMemory(victim, memory.segment, 4096, 700_000))
				Atomics.store(memory.segment.longs, headerLong.memoryBytes, 700_000n);
			victim.unlock(memory.segment);
		},
		check: (_survivor, own) => {
			expect(own?.segment.bytes.subarray(own.segment.body).every((byte) => byte === 7)).toBe(true);
		},
	},
	{
		what: "making room",
		prepare: (process) => {
			const dead = process.start();
			for (let i = 0; i < 8; i++) sender(dead, `dead ${i}`);
			process.kill(dead);
			return {};
		},
		run: (victim) => sender(victim, "large", { ...small, capacity: 2 ** 19 }),
	},
];

/** A thread that joins as any other, and of which nobody has heard. */
class PretendJoiner {
	constructor(buffer: SharedArrayBuffer) {
		new (Object.getPrototypeOf(new PretendProcess(1).start().constructor))(buffer, {
			self: { low: 1000, high: 0 },
			isAlive: () => true,
		});
	}
}

const bucketOf = (kind: number, name: string): number => {
	const { hash } = keyOf(kind, "", name);
	return (hash ^ (hash >>> 16)) & (BUCKET_COUNT - 1);
};

/** A name in the same list as the one that threads are killed at. */
const bystanders = Array.from({ length: 100_000 }, (_, i) => `bystander ${i}`).find(
	(name) => bucketOf(Kind.route, name) === bucketOf(Kind.channel, "name"),
) as string;

describe("a thread killed before any of its stores", () => {
	for (const { what, prepare, run, check } of scenarios)
		test(`${what}: the others go on, and all memory comes back`, () => {
			let kills = 0;
			for (let at = 0; ; at++) {
				const process = new PretendProcess(UNITS);
				const [survivor, victim] = [process.start(), process.start()];
				const bystander = sender(survivor, bystanders, small, "route");
				const { survivors, victims } = prepare?.(process, survivor, victim) ?? {};
				if (!killedAt(at, () => run(victim, victims))) break;
				kills++;
				process.kill(victim);
				check?.(survivor, survivors);
				survivors?.leave();
				for (const kind of ["channel", "queue"] as const) {
					const opened = receiver(survivor, "name", small, kind);
					expect(opened.segment.words[headerWord.receiverCount]).toBe(1);
					expect(opened.segment.words[headerWord.senderCount]).toBe(0);
					opened.leave();
				}
				expect(codeOf(() => sender(survivor, bystanders, small, "route"))).toBe("ERR_IPC_HAS_SENDER");
				bystander.leave();
				survivor.lockNames(0);
				expect(reserveBlock(survivor, (UNITS - 1) * UNIT_BYTES, 0)).toBe(FIRST_UNIT);
				survivor.unlockNames();
			}
			expect(kills).toBeGreaterThan(2);
		});
});

test("what is not to be told apart by hash is by name", () => {
	const process = new PretendProcess(UNITS);
	const thread = process.start();
	thread.lockNames(0);
	const [a, b] = ["a", "b"].map((name) => ({ ...keyOf(Kind.channel, "", name), hash: 42 }));
	const [first, second] = [a, b].map((key) => openName(thread, key as NonNullable<typeof key>, small));
	if (!(first instanceof Segment && second instanceof Segment)) throw new Error("not opened");
	expect(first.bytes.byteOffset).not.toBe(second.bytes.byteOffset);
});
