import assert from "node:assert/strict";
import type { TestProgram } from "@libipc/testing/test_program";
import { afterEach } from "./harness.ts";
import { Names } from "./names.ts";
import type { Probe } from "./probe.ts";
import { startProgram } from "./start_program.ts";
import { Semaphore } from "./under_test.ts";

/** Names, semaphores and programs of the tests of one theme. After each test nothing may be left in the system. */
export function semaphoreFixture(theme: string) {
	const names = new Names(theme);
	const { prefix } = names;
	const program = (what: string, name: string, argument: number | string = "") =>
		startProgram("semaphore", [what, prefix, name, argument]);
	afterEach(() => names.expectNothingLeft());
	return {
		names,
		prefix,
		program,
		open: (name: string, options: { initial?: number; robust?: boolean } = {}) =>
			Semaphore.open(name, { prefix, ...options }),

		/** A program that has reported `says`. */
		async start(what: string, name: string, says: string, argument: number | string = ""): Promise<TestProgram> {
			const started = program(what, name, argument);
			assert.equal(await started.report<string>(), says);
			return started;
		},
	};
}

/** Lets programs begin together, and waits until all have ended without an error. */
export async function allBegin(programs: readonly TestProgram[], probe: Probe): Promise<void> {
	for (const each of programs) assert.equal(await each.line(), "ready");
	probe.go();
	for (const each of programs) assert.equal(await each.exited, 0);
}
