/**
 * What is closed, and what a Worker had open that has ended, costs nothing any more.
 * `LIBIPC_WORKERS=10000 bun run conformance bun-native-processes --files given_back` for so many Workers of each ending.
 */
import assert from "node:assert/strict";
import { collectGarbage } from "@libipc/testing/garbage";
import { canCreateNamespaces, inNamespaces } from "@libipc/testing/namespaces";
import { DIRECTORY } from "@libipc/testing/segment_files";
import { sleep, until } from "@libipc/testing/timing";
import { endings, endWorker, type Usage, usage } from "./endings.ts";
import { afterAll, describe, test } from "./harness.ts";
import { instance } from "./instance.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Channel, list, Mutex, Queue, SharedMemory } from "./under_test.ts";

const names = new Names("givenback");
const { prefix } = names;

afterAll(() => names.clear());

const MIB = 2 ** 20;

/** Of each ending. Together they would fill the storage several times. */
const workers = Number(process.env.LIBIPC_WORKERS || 2);
const isLong = workers >= 500;

test("a close gives the memory back at once, also while views are kept; they show zeros or what was there", () => {
	const kept: Uint8Array[] = [];
	const before: string[] = [];
	const { segments } = usage();
	for (let i = 0; i < 20; i++) {
		const name = names.next();
		const receiver = Channel.receiver(name, { prefix, capacity: 16 * MIB });
		const sender = Channel.sender(name, { prefix });
		sender.send("message");
		receiver.drain((view) => kept.push(view));
		const loan = sender.loan(7);
		if (loan) kept.push(loan.bytes);
		const jobs = Queue.receiver(`${name}.jobs`, { prefix });
		const employer = Queue.sender(`${name}.jobs`, { prefix });
		employer.send("message");
		const lease = jobs.take();
		if (lease) kept.push(lease.bytes);
		const mutex = Mutex.open(name, { prefix });
		before.push(...kept.slice(-3).map((view) => view.join()));
		for (const each of [receiver, sender, jobs, employer, mutex]) each.close();
		assert.equal(usage().segments, segments);
	}
	assert.equal(kept.length, 60);
	for (const [i, view] of kept.entries()) {
		assert.equal(view.byteLength, 7);
		if (instance.engine === "native") assert.deepEqual([...view], [0, 0, 0, 0, 0, 0, 0]);
		view.fill(i); // no crash
	}
	assert.deepEqual([before[0], before[2]], Array(2).fill(String(new TextEncoder().encode("message"))));
	if (instance.engine === "native") assert.deepEqual([...(kept[1] ?? [])], Array(7).fill(1)); // of no other name
});

test("shared memory whose views are kept is counted until they are collected", () => {
	const before = SharedMemory.keptBytes();
	const memory = SharedMemory.open(names.next(), { prefix, size: MIB });
	const unused = SharedMemory.open(names.next(), { prefix, size: MIB });
	const { bytes } = memory;
	bytes[5] = 5;
	assert.equal(SharedMemory.keptBytes(), before);
	unused.close();
	memory.close();
	assert.ok(SharedMemory.keptBytes() >= before + MIB);
	assert.ok(SharedMemory.keptBytes() < before + 2 * MIB);
	assert.equal(bytes[5], 5);
});

test.each(endings)("a Worker that ends leaves no name and no mapping: %s", async (how) => {
	const { segments } = usage();
	await endWorker(how, prefix, names.next());
	await until(() => list({ prefix }).length === 0);
	await until(() => usage().segments <= segments); // those of the test before may be collected meanwhile
});

test(
	"what is opened and closed again and again in one task keeps nothing",
	async () => {
		const name = names.next();
		const cycle = () => {
			const receiver = Channel.receiver(name, { prefix, capacity: 4096 });
			const sender = Channel.sender(name, { prefix });
			sender.send("x");
			receiver.recv();
			sender.close();
			receiver.close();
		};
		const rounds = isLong ? 43_000 : 500;
		for (let i = 0; i < rounds; i++) cycle();
		await sleep(1);
		collectGarbage();
		const before = { ...usage(), heap: process.memoryUsage().heapUsed };
		for (let i = 0; i < rounds; i++) cycle();
		collectGarbage(); // in the same task: a WeakRef would still keep each endpoint
		const after = { ...usage(), heap: process.memoryUsage().heapUsed };
		assert.ok(after.heap - before.heap < rounds * 2 * 1000, `${before.heap} bytes, later ${after.heap}`);
		assert.ok(after.mappings < before.mappings + 200, `${before.mappings} mappings, later ${after.mappings}`);
		if (isLong) assert.ok(after.rss < before.rss + 32 * MIB, `${before.rss} bytes, later ${after.rss}`);
	},
	isLong ? 1_200_000 : 120_000,
);

const within = canCreateNamespaces()
	? [...inNamespaces("mount"), "sh", "-c", `mount -t tmpfs -o size=64m none ${DIRECTORY} && exec "$0" "$@"`]
	: [];

describe("in namespaces", () => {
	test("of 64 MiB of storage, closed shared memory makes room, or the error says what keeps it", async () => {
		await using program = startProgram("kept_memory", [prefix], { within });
		const { opened, text } = await program.report<{ opened: number; text: string }>();
		// Node does not run finalizers before the event loop turns.
		if (opened < 12) assert.match(text, /keeps 50331648 bytes of shared memory .*keptBytes/);
		if (instance.programs === "bun") assert.equal(opened, 12);
		assert.deepEqual(await program.report(), { opened: 1, text: "" });
	});

	test(
		"of 64 MiB of storage, Workers that end in every way take nothing",
		async () => {
			await using program = startProgram("endings", [prefix, workers], { within });
			const early = await program.report<Usage & { names: number }>();
			const late = await program.report<Usage & { names: number }>();
			const { segments, names, storage } = late;
			assert.deepEqual({ segments, names }, { segments: 0, names: 0 });
			assert.ok(storage < MIB, `${storage} bytes of the storage are in use`);
			// No event loop waited, so no process has signalled.
			assert.deepEqual(late.descriptors, early.descriptors);
			assert.ok(late.mappings < early.mappings + 200, `${early.mappings} mappings, later ${late.mappings}`);
			// bun:ffi keeps about 25 KB of each Worker that loads the library (docs/engines.md).
			const keptByRuntime = instance.programs === "bun" ? 40_000 * workers * endings.length : 0;
			if (isLong) assert.ok(late.rss < early.rss + 64 * MIB + keptByRuntime, `${early.rss} bytes, later ${late.rss}`);
			assert.equal(await program.exited, 0);
		},
		60_000 + workers * 6000,
	);
});
