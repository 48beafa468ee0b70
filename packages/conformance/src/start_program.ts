import { TestProgram, type TestProgramOptions } from "@libipc/testing/test_program";

/** Programs run as this file does: as they are, or compiled beside it. */
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));

/** Starts a program of `programs/`, on a thread or as a process: where LIBIPC_TRANSPORT says. */
export function startProgram(
	program: string,
	args: readonly (string | number)[] = [],
	options: TestProgramOptions = {},
): TestProgram {
	return new TestProgram(new URL(`programs/${program}${extension}`, import.meta.url), args, options);
}

/** Starts a program of `programs/` on a thread of this process, whatever the transport is. */
export function startThreadProgram(program: string, args: readonly (string | number)[] = []): TestProgram {
	return new TestProgram(new URL(`programs/${program}${extension}`, import.meta.url), args, { transport: "threads" });
}
