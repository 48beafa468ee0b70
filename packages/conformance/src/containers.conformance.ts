/** Two containers with one storage: what crosses them, and what they exclude. Each is in namespaces of all kinds. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { assertLike } from "@libipc/testing/assert_like";
import { CONTAINER, inNamespaces } from "@libipc/testing/namespaces";
import { scale } from "@libipc/testing/scale";
import { DIRECTORY } from "@libipc/testing/segment_files";
import { ProgramGroup, type TestProgram } from "@libipc/testing/test_program";
import { until } from "@libipc/testing/timing";
import { afterEach, describe, test } from "./harness.ts";
import { Names } from "./names.ts";
import { Probe, Word } from "./probe.ts";
import { startProgram } from "./start_program.ts";
import { Queue } from "./under_test.ts";

const names = new Names("containers");
const { prefix } = names;

afterEach(() => names.expectNothingLeft());

const within = inNamespaces(...CONTAINER);

const inContainer = (program: string, ...args: readonly (string | number)[]): TestProgram =>
	startProgram(program, args, { within });

/** A container with this folder mounted as its storage: a volume, as pods have it. */
const inPod = (volume: string, program: string, ...args: readonly (string | number)[]): TestProgram =>
	startProgram(program, args, {
		within: [...within, "sh", "-c", `mount --bind "$0" ${DIRECTORY} && exec "$@"`, volume],
	});

const LARGEST = 3000;
const COUNT = scale(5000, 500);

/** Of a queue: what came at one receiver. */
interface Share {
	readonly sequences: readonly (readonly number[])[];
}

type Start = (program: string, ...args: readonly (string | number)[]) => TestProgram;

/** Sends messages both ways: each of the two programs that talk has an endpoint of either name. */
async function exchange(start: Start, kind: string, send: string, receive: string): Promise<void> {
	const routes = [names.next(), names.next()];
	const receivers = routes.map((name) => start("receiver", kind, prefix, name, COUNT, LARGEST, receive));
	for (const receiver of receivers) assert.equal(await receiver.line(), "ready");
	const senders = routes.map((name) => start("sender", kind, prefix, name, 0, COUNT, LARGEST, 1, send));
	try {
		for (const program of senders) {
			assert.equal(await program.line(), "ready");
			assert.deepEqual(await program.report<object>(), { sent: COUNT });
		}
		for (const program of receivers) assertLike(await program.report<object>(), { received: COUNT, next: [COUNT] });
		for (const program of [...receivers, ...senders]) assert.equal(await program.exited, 0);
	} finally {
		for (const program of [...receivers, ...senders]) await program.kill();
	}
}

describe("in namespaces", () => {
	test.each([
		["route", "send", "recv"],
		["route", "async", "async"],
		["channel", "batch", "drain"],
		["channel", "loan", "async"],
	] as const)(
		"containers: a %s brings every message, in order: sent by %s, received by %s",
		(kind, send, receive) => exchange(inContainer, kind, send, receive),
		60_000,
	);

	test("containers: each job of a queue comes once, in the order of its sender", async () => {
		const name = names.next();
		await using first = inContainer("receiver", "queue", prefix, name, COUNT, LARGEST, "lease");
		await using second = inContainer("receiver", "queue", prefix, name, COUNT, LARGEST, "recv");
		for (const receiver of [first, second]) assert.equal(await receiver.line(), "ready");
		await using sender = inContainer("sender", "queue", prefix, name, 0, COUNT, LARGEST, 2);
		assert.equal(await sender.line(), "ready");
		assert.deepEqual(await sender.report<object>(), { sent: COUNT });
		using stops = Queue.sender(name, { prefix });
		for (const _ of [first, second]) assert.equal(stops.send(new Uint8Array(0), { timeout: 20_000 }), true);
		const reports = [await first.report<Share>(), await second.report<Share>()];
		const all = reports.flatMap(({ sequences }) => sequences[0] ?? []).sort((a, b) => a - b);
		assert.deepEqual(
			all,
			Array.from({ length: COUNT }, (_, i) => i),
		);
	});

	test.each(["mutex", "rwlock"])(
		"containers: a %s excludes, also while others that hold it are killed",
		async (kind) => {
			const name = names.next();
			const count = scale(10_000, 2000);
			await using programs = new ProgramGroup();
			using probe = new Probe(prefix, name);
			const counters = [1, 2].map(() => programs.add(inContainer("lock", "counts", prefix, name, kind, count)));
			for (const counter of counters) assert.equal(await counter.line(), "ready");
			probe.go();
			for (let kill = 0; kill < 3; kill++) {
				// It changes other words than the two that count.
				await using victim = inContainer("lock", "changes", prefix, name, kind);
				assert.equal(await victim.report<string>(), "ready");
				const begun = probe.get(Word.begun);
				await until(() => probe.get(Word.begun) > begun);
			}
			for (const counter of counters) assert.equal(await counter.exited, 0);
			assert.equal(probe.get(Word.count), 2 * count);
		},
	);

	test("pods: a folder that both have mounted as their storage, and that is not the host's", async () => {
		const volume = mkdtempSync(`${DIRECTORY}/libipc-test-`);
		try {
			await exchange((...program) => inPod(volume, ...program), "channel", "async", "async");
			assert.deepEqual(readdirSync(volume), []);
		} finally {
			rmSync(volume, { recursive: true, force: true });
		}
	});
});
