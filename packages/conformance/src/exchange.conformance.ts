/** Programs that send to programs: every way to send and to receive, many messages, everything checked. */
import assert from "node:assert/strict";
import { assertLike } from "@libipc/testing/assert_like";
import { scale } from "@libipc/testing/scale";
import { ProgramGroup } from "@libipc/testing/test_program";
import { afterAll, describe, test } from "./harness.ts";
import { type Kind, Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Queue } from "./under_test.ts";

const names = new Names("exchange");
const { prefix } = names;

afterAll(() => names.clear());

interface Received {
	readonly received: number;
	readonly next: number[];
	readonly order: string;
	readonly sequences: number[][];
}

interface Plan {
	readonly kind: Kind;
	readonly senders: number;
	readonly receivers: number;
	readonly perSender: number;
	readonly largest: number;
	readonly send?: string;
	readonly recv?: string;
	readonly capacity?: number;
}

async function exchange(plan: Plan): Promise<Received[]> {
	const { kind, senders, receivers, perSender, largest, send = "send", recv = "recv", capacity = 1 << 20 } = plan;
	const name = names.next();
	await using group = new ProgramGroup();
	const receiving = Array.from({ length: receivers }, () =>
		group.add(startProgram("receiver", [kind, prefix, name, perSender * senders, largest, recv, capacity])),
	);
	for (const program of receiving) assert.equal(await program.line(), "ready");
	const sending = Array.from({ length: senders }, (_, i) =>
		group.add(startProgram("sender", [kind, prefix, name, i, perSender, largest, receivers, send, capacity])),
	);
	for (const program of sending) assert.equal(await program.line(), "ready");
	for (const program of sending) assert.deepEqual(await program.report<object>(), { sent: perSender });
	if (kind === "queue") {
		using sender = Queue.sender(name, { prefix });
		for (const _ of receiving) sender.send("", { timeout: 20_000 });
	}
	return await Promise.all(receiving.map((program) => program.report<Received>()));
}

describe("a route", () => {
	test("delivers everything to three receivers, in order", async () => {
		const perSender = scale(50_000);
		const results = await exchange({ kind: "route", senders: 1, receivers: 3, perSender, largest: 5000 });
		for (const result of results) assertLike(result, { received: perSender, next: [perSender] });
	});

	test.each([
		["send", "recv", 60],
		["send", "drain", 5000],
		["batch", "drain", 3000],
		["loan", "drain", 5000],
		["async", "async", 2000],
		["send", "async", 60],
	] as const)("delivers what is sent by %s and received by %s", async (send, recv, largest) => {
		const perSender = scale(4000);
		const plan = {
			kind: "route",
			senders: 1,
			receivers: 2,
			send,
			recv,
			perSender,
			largest,
			capacity: 1 << 18,
		} as const;
		for (const result of await exchange(plan)) assertLike(result, { received: perSender, next: [perSender] });
	});

	test.each([
		["send", "recv"],
		["async", "async"],
		["send", "drain"],
	] as const)("delivers messages in fragments, sent by %s and received by %s", async (send, recv) => {
		const plan = {
			kind: "route",
			senders: 1,
			receivers: 2,
			send,
			recv,
			largest: 400_000,
			capacity: 1 << 16,
		} as const;
		for (const result of await exchange({ ...plan, perSender: 300 }))
			assertLike(result, { received: 300, next: [300] });
	});
});

describe("a channel", () => {
	test("with two senders, large and small mixed, a million messages: the same order at every receiver", async () => {
		const perSender = scale(500_000);
		const results = await exchange({ kind: "channel", senders: 2, receivers: 2, perSender, largest: 20_000 });
		for (const result of results)
			assertLike(result, {
				received: 2 * perSender,
				next: [perSender, perSender],
				order: (order: string) => order === results[0]?.order,
			});
	}, 120_000);

	test("with four senders of batches and two receivers that drain: the same order at every receiver", async () => {
		const perSender = scale(20_000);
		const plan = { kind: "channel", senders: 4, receivers: 2, send: "batch", recv: "drain", largest: 3000 } as const;
		const results = await exchange({ ...plan, perSender });
		for (const result of results)
			assertLike(result, {
				received: 4 * perSender,
				next: [perSender, perSender, perSender, perSender],
				order: (order: string) => order === results[0]?.order,
			});
	});
});

describe("a queue", () => {
	test.each(["recv", "lease"])("delivers each message to one of two receivers, by %s", async (recv) => {
		const perSender = scale(3000);
		// One receiver may take all: how many each gets is the scheduler's affair. queue.conformance.ts tests their shares.
		const plan = {
			kind: "queue",
			senders: 2,
			receivers: 2,
			recv,
			perSender,
			largest: 500,
			capacity: 1 << 14,
		} as const;
		const results = await exchange(plan);
		for (const sender of [0, 1]) {
			const all = results.flatMap(({ sequences }) => sequences[sender] ?? []).sort((a, b) => a - b);
			assert.deepEqual(
				all,
				Array.from({ length: perSender }, (_, i) => i),
			);
		}
	});
});
