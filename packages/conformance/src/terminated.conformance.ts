/**
 * Programs that are killed at random moments, whatever they do: the others continue, and lose nothing.
 * `LIBIPC_TERMINATIONS=1000 bun run conformance --files terminated` for more of them.
 */
import assert from "node:assert/strict";
import { scale } from "@libipc/testing/scale";
import { ProgramGroup } from "@libipc/testing/test_program";
import { expectRecoveries, sleep } from "@libipc/testing/timing";
import { Control, ControlWord, READERS } from "./control.ts";
import { afterAll, describe, test } from "./harness.ts";
import { factories, type Kind, Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { SharedMemory } from "./under_test.ts";

const names = new Names("terminated");
const { prefix } = names;

const terminations = Number(process.env.LIBIPC_TERMINATIONS || scale(42, 18));
/** So that the ring goes round between any two of them. */
const CAPACITY = 8192;
/** More than a full ring of the smallest messages. */
const ROUND = CAPACITY / 16;

const programs: Record<Kind, readonly string[]> = {
	// A second sender of a route is refused.
	route: ["receives", "receives asynchronously", "opens"],
	channel: [
		...["sends", "receives", "lends", "opens"],
		...["sends asynchronously", "receives asynchronously", "sends"],
	],
	queue: ["sends", "takes", "lends", "sends asynchronously", "takes asynchronously", "opens"],
};

afterAll(() => names.clear());

describe.each(Object.keys(programs) as Kind[])("a %s", (kind) => {
	const share = Math.ceil(terminations / 3);

	test(
		"programs killed at random moments: the others continue within a second, and lose nothing",
		async () => {
			const name = names.next();
			// Of a queue, what fits; else now and then one that travels in fragments.
			const largest = kind === "queue" ? 3000 : 10_000;
			const control = new Control(prefix, name);
			await using crew = new ProgramGroup();
			const keeper = factories[kind].receiver(name, { prefix, capacity: CAPACITY });
			const readers = Array.from({ length: READERS }, (_, reader) =>
				crew.add(startProgram("reader", [kind, prefix, name, largest, reader])),
			);
			for (const reader of readers) assert.equal(await reader.line(), "ready");
			keeper.close();
			const steady = crew.add(startProgram("steady", [kind, prefix, name, largest]));
			assert.equal(await steady.line(), "ready");

			/** Waits until the remaining programs have transferred more than the ring can have held. */
			async function goOn(what: string): Promise<void> {
				const before = control.received(kind);
				const patience = performance.now() + 20_000;
				while (control.received(kind) - before < ROUND) {
					for (const peer of [...readers, steady])
						if (peer.hasSaid || peer.hasEnded) throw new Error(`ended after ${what}: ${await peer.line()}`);
					if (performance.now() > patience)
						throw new Error(`only ${control.received(kind) - before} messages within 20 s after ${what}`);
					await sleep(1);
				}
			}

			const latencies: number[] = [];
			for (let i = 0; i < share; i++) {
				// While the program starts, nothing is tested: the others leave the processors to it.
				control.pause(true);
				const program = programs[kind][i % programs[kind].length] ?? "opens";
				const victim = crew.add(startProgram("victim", [program, kind, prefix, name, largest, 1 + (i % 250)]));
				assert.equal(await victim.line(), "started");
				control.pause(false);
				assert.equal(await victim.line(), "ready");
				await sleep(Math.random() * 8);
				await victim.kill();
				const killed = performance.now();
				await goOn(`termination ${i}, of one that ${program}`);
				latencies.push(performance.now() - killed);
			}

			control.set(ControlWord.stop, 1);
			const sent = Number(await steady.line());
			const reports = await Promise.all(readers.map((reader) => reader.report<number | number[]>()));
			if (kind === "queue") {
				const got = (reports as number[][]).flat().sort((a, b) => a - b);
				assert.equal(got.length, sent);
				assert.equal(
					got.findIndex((sequence, i) => sequence !== i),
					-1,
				);
			} else assert.deepEqual(reports, [sent, sent]);
			assert.ok(sent > share * ROUND);
			control.memory.close();
			SharedMemory.clear(`${name}.control`, { prefix });
			expectRecoveries(latencies);
		},
		60_000 + share * 2000,
	);
});
