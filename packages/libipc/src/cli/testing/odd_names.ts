/** Names in every state that `list` knows, for the tests of commands. */
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { TestProgram } from "@libipc/testing/test_program";

/** Starts a process that has a name open. */
export async function holder(prefix: string, name: string, kind: string): Promise<TestProgram> {
	const program = new TestProgram(new URL("holder.child.ts", import.meta.url), [prefix, name, kind], {
		transport: "processes",
	});
	await program.report();
	return program;
}

/** Leaves a name behind: its only process is killed. */
export async function leaveBehind(prefix: string, name: string, kind: string): Promise<void> {
	await using program = await holder(prefix, name, kind);
	await program.kill();
}

/**
 * Makes files of names that are no sound segments, from one that is: `damaged`, `foreign`, `other` (another version) and `unfinished`.
 *
 * @param segment - The file of a live channel.
 * @param path - The path of the channel of a name.
 */
export function makeOddNames(segment: string, path: (name: string) => string): void {
	copyFileSync(segment, path("damaged"));
	truncateSync(path("damaged"), 10_000);
	writeFileSync(path("foreign"), "x".repeat(10_000));
	const bytes = Buffer.from(readFileSync(segment));
	bytes.writeUInt32LE(99, 4);
	writeFileSync(path("other"), bytes);
	writeFileSync(path("unfinished"), "");
}
