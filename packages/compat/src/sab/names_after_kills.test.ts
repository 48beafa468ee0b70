/** What threads leave that are killed while they open, close, clear or grow a name. */
import { describe, expect, test } from "bun:test";
import { CLAIM_ABANDONED, headerLong, headerWord, Kind } from "@libipc/protocol";
import type { OpenSegment } from "../segment_endpoint.ts";
import { BUCKET_COUNT, FIRST_UNIT, UNIT_BYTES } from "./hub_layout.ts";
import type { NameOptions } from "./name_options.ts";
import { keyOf } from "./name_table.ts";
import { clearSegment } from "./open_segment.ts";
import { extendMemory, reserveBlock } from "./reserve.ts";
import { killedAt } from "./testing/kill.ts";
import { few, handle, receiver, sender, small, UNITS, usedBytes } from "./testing/open_segments.ts";
import { codeOf, PretendProcess } from "./testing/pretend.ts";
import type { Threads } from "./threads.ts";

describe("a lock whose owner died", () => {
	for (const options of [few, { ...few, maxReceivers: 3 }])
		test(`still has a dead owner when it is opened again (${options === few ? "with the same options" : "with other options"})`, () => {
			const process = new PretendProcess(UNITS);
			const [a, b] = [process.start(), process.start()];
			const mutex = handle(a, "mutex", "name");
			mutex.segment.words[headerWord.claim] = mutex.instance;
			const rwlock = handle(a, "rwlock", "name");
			rwlock.segment.words[headerWord.claim] = rwlock.instance;
			rwlock.segment.words[headerWord.writing] = rwlock.instance;
			process.kill(a);
			expect(codeOf(() => handle(b, "mutex", "name", { ...options, mode: 2 }))).toBe("ERR_IPC_NOT_FOUND");
			// A thread that needs memory does not take it either.
			reserveBlock(b, UNITS * UNIT_BYTES, 0);
			const next = handle(b, "mutex", "name", options);
			expect(next.segment.words[headerWord.claim]).toBe(CLAIM_ABANDONED);
			const nextWriter = handle(b, "rwlock", "name", options);
			expect(nextWriter.segment.words[headerWord.claim]).toBe(0);
			expect(nextWriter.segment.words[headerWord.writing]).not.toBe(0);
			next.segment.words[headerWord.claim] = 0;
			next.leave();
			// Until a writer has unlocked, it keeps its name, also without a handle.
			nextWriter.leave();
			const lastWriter = handle(b, "rwlock", "name", options);
			expect(lastWriter.segment.words[headerWord.writing]).not.toBe(0);
			lastWriter.segment.words[headerWord.writing] = 0;
			lastWriter.leave();
			expect(usedBytes(b)).toBe(0);
		});
});

/** What a thread does when it is killed, and what must hold afterwards. */
interface Scenario {
	readonly what: string;
	/** Opens what exists before. */
	prepare?(
		process: PretendProcess,
		survivor: Threads,
		victim: Threads,
	): { survivors?: OpenSegment; victims?: OpenSegment };
	run(victim: Threads, own: OpenSegment | undefined): void;
	/** What the survivor must find. */
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

const expectDeadOwner = (survivor: Threads): void => {
	const mutex = handle(survivor, "mutex", "name");
	expect(mutex.segment.words[headerWord.claim]).not.toBe(0);
	mutex.segment.words[headerWord.claim] = 0;
	mutex.leave();
};

const scenarios: readonly Scenario[] = [
	{ what: "joining the hub", run: ({ blocks }) => new PretendJoiner(blocks.buffer) },
	{ what: "creating a name", run: (victim) => sender(victim, "name") },
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
	{ what: "replacing a name of dead threads", prepare: deadSender, run: (victim) => receiver(victim, "name") },
	{
		what: "opening a lock whose owner died",
		prepare: diedInside(few),
		run: (victim) => handle(victim, "mutex", "name"),
		check: expectDeadOwner,
	},
	{
		what: "replacing a lock whose owner died",
		prepare: diedInside({ ...few, maxReceivers: 5 }),
		run: (victim) => handle(victim, "mutex", "name"),
		check: expectDeadOwner,
	},
	{
		what: "closing the last endpoint of a name",
		prepare: (_process, _survivor, victim) => ({ victims: sender(victim, "name") }),
		run: (_victim, own) => own?.leave(),
	},
	{
		what: "closing an endpoint of a name that others have open",
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
		what: "freeing memory of dead threads",
		prepare: (process) => {
			const dead = process.start();
			for (let i = 0; i < 8; i++) sender(dead, `dead ${i}`);
			process.kill(dead);
			return {};
		},
		run: (victim) => sender(victim, "large", { ...small, capacity: 2 ** 19 }),
	},
];

/** A thread that joins as any other, and that its process does not know. */
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

/** A name in the same list as the one that the killed threads use. */
const bystanders = Array.from({ length: 100_000 }, (_, i) => `bystander ${i}`).find(
	(name) => bucketOf(Kind.route, name) === bucketOf(Kind.channel, "name"),
) as string;

describe("a thread that is killed before one of its stores", () => {
	for (const { what, prepare, run, check } of scenarios)
		test(`${what}: the others continue, and all memory comes back`, () => {
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
