/** What the next user of a lock learns, in whatever order its owner and the others have left. */

import assert from "node:assert/strict";
import type { TestProgram } from "@libipc/testing/test_program";
import { describe, test } from "./harness.ts";
import { lockFixture, lockKinds, rwlockFixture } from "./lock_fixture.ts";
import { semaphoreFixture } from "./semaphore_fixture.ts";
import { clear, type Lock, list } from "./under_test.ts";

/** How the owner of the lock leaves, and how another user does, who never locks. */
const ownerEnds = ["killed", "closed"] as const;
const otherEnds = ["killed", "closed"] as const;
type End = (typeof otherEnds)[number];

/** All ways in which up to two others leave before or after the owner: where `undefined` stands, the owner leaves. */
function orders(): (End | undefined)[][] {
	const others: End[][] = [[], ...otherEnds.map((end) => [end])];
	for (const first of otherEnds) for (const second of otherEnds) others.push([first, second]);
	return others.flatMap((ends) =>
		Array.from({ length: ends.length + 1 }, (_, at) => ends.toSpliced(at, 0, undefined as never)),
	);
}

/** How the next user opens the name. */
const openings = ["as before", "with more handles", "for other users"] as const;

/** A user of a lock that is killed or closed: a program, or a handle of this one. */
interface User {
	leave(): Promise<void>;
}

const asUser = (end: End, handle: () => Lock, start: () => Promise<TestProgram>): Promise<User> | User => {
	if (end === "killed") return start().then((program) => ({ leave: () => program.kill() }));
	const it = handle();
	return { leave: async () => it.close() };
};

describe.each(lockKinds)("the next owner of a %s sees ownerDied, in whatever order the others have left", (kind) => {
	const { factory, names, open, prefix, start } = lockFixture(kind, "orders");

	const reopen = (how: (typeof openings)[number], name: string): Lock => {
		if (how === "with more handles") return factory.open(name, { prefix, maxHandles: 1000 });
		return how === "for other users" ? factory.open(name, { prefix, permissions: 0o660 }) : open(name);
	};

	test.each(ownerEnds)(
		"its owner was %s",
		async (ownerEnd) => {
			for (const [index, order] of orders().entries()) {
				const name = names.next();
				const users: User[] = [];
				const others = order.filter((end) => end !== undefined);
				// The owner opens the name first or last.
				const addOthers = async (): Promise<void> => {
					for (const end of others)
						users.push(
							await asUser(
								end,
								() => open(name),
								() => start("opens", name, "open"),
							),
						);
				};
				if (index % 2 === 0) await addOthers();
				const owner = await asUser(
					ownerEnd,
					() => {
						const lock = open(name);
						lock.lock();
						return lock;
					},
					() => start("holds", name, "held"),
				);
				if (index % 2 === 1) await addOthers();
				let next = 0;
				for (const end of order) await (end === undefined ? owner : (users[next++] as User)).leave();

				const how = openings[index % openings.length] as (typeof openings)[number];
				const what = `${order.map((end) => end ?? `owner ${ownerEnd}`).join(", ")}; opened ${how}`;
				const [leftover, ...more] = list({ prefix });
				assert.deepEqual([leftover?.name, leftover?.state, more.length], [name, "leftover", 0], what);
				using lock = reopen(how, name);
				assert.equal(list({ prefix })[0]?.state, "live", what);
				{
					using guard = lock.acquire({ timeout: 10_000 });
					assert.equal(guard?.ownerDied, true, what);
				}
				using guard = lock.acquire({ timeout: 10_000 });
				assert.equal(guard?.ownerDied, false, what);
				guard?.release();
				lock.close();
				assert.deepEqual(names.existing(), [], what);
			}
		},
		120_000,
	);

	test("who opens and does not lock does not take the information away", async () => {
		const name = names.next();
		const closing = open(name);
		closing.lock();
		closing.close();
		for (let round = 0; round < 3; round++) open(name).close();
		await using opener = await start("opens", name, "open");
		await opener.kill();
		assert.deepEqual(names.existing(), [name]);
		using lock = open(name);
		assert.equal(lock.tryLock(), true);
		assert.equal(lock.ownerDied, true);
		lock.unlock();
	});

	test("clear() removes what was left locked, and a handle that unlocks leaves nothing", () => {
		const name = names.next();
		const leave = (): void => {
			const lock = open(name);
			lock.lock();
			lock.close();
		};
		leave();
		assert.deepEqual(
			clear({ prefix }).map((each) => [each.kind, each.name]),
			[[kind, name]],
		);
		assert.deepEqual(names.existing(), []);
		leave();
		factory.clear(name, { prefix });
		assert.deepEqual(names.existing(), []);
		const lock = open(name);
		lock.lock();
		assert.equal(lock.ownerDied, false);
		lock.unlock();
		lock.close();
		assert.deepEqual(names.existing(), []);
	});

	test("a lock that was marked unusable is a new one after the last close", () => {
		const name = names.next();
		const lock = open(name);
		lock.lock();
		lock.markUnusable();
		lock.close();
		assert.deepEqual(names.existing(), []);
		using again = open(name);
		again.lock();
		assert.equal(again.ownerDied, false);
		again.unlock();
	});
});

describe("readers of a reader-writer lock whose writer died", () => {
	const { names, open, start } = rwlockFixture("lastreads");

	test("pass the information on until a writer has unlocked, also when the last of them closes", async () => {
		const name = names.next();
		const other = open(name);
		await using writer = await start("holds", name, "held");
		await writer.kill();
		other.close();
		for (let round = 0; round < 2; round++) {
			using reader = open(name);
			assert.equal(reader.lockShared({ timeout: 10_000 }), true);
			assert.equal(reader.ownerDied, true);
			if (round === 0) reader.unlockShared();
		}
		{
			using lock = open(name);
			using guard = lock.acquire({ timeout: 10_000 });
			assert.equal(guard?.ownerDied, true);
		}
		assert.deepEqual(names.existing(), []);
	});

	test("a reader that dies or is closed inside leaves no such information", async () => {
		const name = names.next();
		const other = open(name);
		await using reader = await start("reads", name, "held");
		await reader.kill();
		other.lockShared();
		other.close();
		assert.deepEqual(names.existing(), []);
		using lock = open(name);
		using guard = lock.acquire({ timeout: 10_000 });
		assert.equal(guard?.ownerDied, false);
	});
});

describe("a robust semaphore whose holder died", () => {
	const { names, open, prefix, start } = semaphoreFixture("lastpermit");
	const robust = { initial: 3, robust: true };

	test.each(["before", "after", "not at all"])(
		"counts its permits in recovered; another handle is closed %s",
		async (when) => {
			const name = names.next();
			// Who creates the name chooses the options.
			const other = open(name, robust);
			await using holder = await start("holds", name, "held", 2);
			if (when === "before") other.close();
			await holder.kill();
			if (when === "after") other.close();
			{
				using semaphore = open(name, robust);
				if (when === "not at all")
					for (let permit = 0; permit < 3; permit++) assert.notEqual(semaphore.acquire({ timeout: 10_000 }), null);
				assert.equal(semaphore.recovered, 2);
				assert.equal(semaphore.permits, when === "not at all" ? 0 : 3);
			}
			other.close();
			assert.deepEqual(names.existing(), []);
			using again = open(name, robust);
			assert.deepEqual([again.permits, again.recovered], [3, 0]);
		},
	);

	test("with other options it is a new semaphore; clear() removes it", async () => {
		const name = names.next();
		for (const how of ["other options", "clear"]) {
			const other = open(name, robust);
			await using holder = await start("holds", name, "held", 2);
			await holder.kill();
			other.close();
			assert.deepEqual(names.existing(), [name]);
			if (how === "clear") {
				assert.deepEqual(
					clear({ prefix }).map((each) => each.name),
					[name],
				);
				assert.deepEqual(names.existing(), []);
			}
			using semaphore = open(name, { initial: 1 });
			assert.deepEqual([semaphore.permits, semaphore.recovered], [1, 0]);
		}
	});

	test("a handle that is closed with permits gives them back, and leaves nothing", () => {
		const name = names.next();
		const semaphore = open(name, robust);
		semaphore.acquire();
		semaphore.close();
		assert.deepEqual(names.existing(), []);
	});
});
