import { ProgramGroup, TestProgram } from "@libipc/testing/test_program";

/** Programs run as this file does: as they are, or compiled beside it. */
const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));

/** A program of `programs/`, beside the test. */
export class Peer extends TestProgram {
	constructor(program: string, args: readonly (string | number)[]) {
		super(new URL(`programs/${program}${extension}`, import.meta.url), args);
	}
}

export { ProgramGroup as Crew };
