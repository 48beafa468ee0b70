import { TestProgram } from "@libipc/testing/test_program";

/** Starts the process that gets by many handles, or sets, until it is killed. It has begun. */
export async function startProgram(
	what: "gets" | "sets",
	prefix: string,
	name: string,
	argument: number,
): Promise<TestProgram> {
	const started = new TestProgram(new URL("latest.program.ts", import.meta.url), [what, prefix, name, argument], {
		transport: "processes",
	});
	await started.line();
	return started;
}
