import assert from "node:assert/strict";
import type { TestProgram } from "@libipc/testing/test_program";
import { afterEach } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { type Lock, Mutex, RwLock } from "./under_test.ts";

/** The kinds of lock that the `lock_*` tests run for. A reader-writer lock is locked for writing there. */
export const lockKinds = ["mutex", "rwlock"] as const;

/** Names, handles and programs of the tests of one theme. After each test nothing may be left in the system. */
export function lockFixture(kind: (typeof lockKinds)[number], theme: string) {
	const factory = { mutex: Mutex, rwlock: RwLock }[kind];
	const names = new Names(`${kind}.${theme}`);
	const { prefix } = names;
	const open = (name: string): Lock => factory.open(name, { prefix });
	const program = (what: string, name: string, argument: number | string = "") =>
		startProgram("lock", [what, prefix, name, kind, argument]);
	afterEach(() => names.expectNothingLeft());
	return {
		factory,
		names,
		prefix,
		open,
		program,

		/** A program that has reported `says`. */
		async start(what: string, name: string, says: string): Promise<TestProgram> {
			const started = program(what, name);
			assert.equal(await started.report<string>(), says);
			return started;
		},

		/** Whether no handle holds the lock. A new handle tries it. */
		isFree(name: string): boolean {
			using lock = open(name);
			if (!lock.tryLock()) return false;
			lock.unlock();
			return true;
		},
	};
}

/** The result of a promise, or why it was rejected: the code of an IpcError, else the reason. */
export function rejectionOr(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((reason: { code?: string }) => reason.code ?? reason);
}

/** The same for tests of readers and writers. */
export function rwlockFixture(theme: string) {
	const fixture = lockFixture("rwlock", theme);
	return { ...fixture, open: (name: string): RwLock => RwLock.open(name, { prefix: fixture.prefix }) };
}
