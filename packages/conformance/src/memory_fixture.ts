import assert from "node:assert/strict";
import type { TestProgram } from "@libipc/testing/test_program";
import { afterEach } from "./harness.ts";
import { Names } from "./names.ts";
import { startProgram } from "./start_program.ts";
import { SharedMemory, type SharedMemoryOptions } from "./under_test.ts";

/** Names, memories and programs of the tests of one theme. After each test nothing may be left in the system. */
export function memoryFixture(theme: string) {
	const names = new Names(theme);
	const { prefix } = names;
	const program = (what: string, name: string, argument: number | string = "") =>
		startProgram("shared_memory", [what, prefix, name, argument]);
	afterEach(() => names.expectNothingLeft());
	return {
		names,
		prefix,
		program,
		open: (name: string, size = 4096, options: Partial<SharedMemoryOptions> = {}) =>
			SharedMemory.open(name, { prefix, size, ...options }),
		openExisting: (name: string, size?: number) => SharedMemory.open(name, { prefix, size, mode: "open" }),

		/** A program that has reported `says`. */
		async start(what: string, name: string, says: string, argument: number | string = ""): Promise<TestProgram> {
			const started = program(what, name, argument);
			assert.equal(await started.report<string>(), says);
			return started;
		},
	};
}
