import assert from "node:assert/strict";
import type { TestProgram } from "@libipc/testing/test_program";
import { afterEach } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { Condition, Mutex } from "./under_test.ts";

/** Names, conditions and programs of the tests of one theme. After each test nothing may be left in the system. */
export function conditionFixture(theme: string) {
	const names = new Names(theme);
	const { prefix } = names;
	const program = (what: string, name: string, argument: number | string = "") =>
		startProgram("condition", [what, prefix, name, argument]);
	afterEach(() => names.expectNothingLeft());
	return {
		names,
		prefix,
		program,

		/** A condition and the mutex that its programs use with it. */
		openBoth: (name: string, maxHandles?: number) => ({
			mutex: Mutex.open(`${name}.mutex`, { prefix }),
			condition: Condition.open(name, { prefix, maxHandles }),
			[Symbol.dispose]() {
				this.condition.close();
				this.mutex.close();
			},
		}),

		/** A program that waits. It held the mutex when it reported that, so it sleeps once this thread gets the mutex. */
		async startWaiting(what: string, name: string, mutex: Mutex): Promise<TestProgram> {
			const started = program(what, name);
			assert.equal(await started.report<string>(), "waiting");
			mutex.lock();
			mutex.unlock();
			return started;
		},
	};
}
