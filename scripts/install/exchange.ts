/** Two processes that exchange checked messages: programs/exchange.mjs. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { claim } from "./checks.ts";
import type { Project } from "./project.ts";

/** One of the two processes: what starts the program, without its arguments. */
export interface Side {
	readonly project: Project;
	readonly command: readonly string[];
}

const RESULT = "1000 messages\n";
const SEGMENTS = "/dev/shm";

let count = 0;

/** Removes the segments of a prefix, and returns their files. */
function removeSegments(prefix: string): readonly string[] {
	if (!existsSync(SEGMENTS)) return [];
	const files = readdirSync(SEGMENTS).filter((file) => file.startsWith("libipc.") && file.includes(prefix));
	for (const file of files) rmSync(`${SEGMENTS}/${file}`, { force: true });
	return files;
}

/** What a program of a user would see: a warning of libipc, or a text that names it. */
const WARNING = /libipc|IPC_/;

/**
 * Starts both processes and waits for them. Throws what they printed if the exchange fails, if they print a warning, or if they
 * leave a name.
 */
export async function exchange(receiver: Side, sender: Side): Promise<void> {
	// The id lets an interrupted run remove the segments: lib/run.ts.
	const prefix = `install-${process.pid}-${count++}-`;
	// When one has failed, the other would wait for it.
	const failure = new AbortController();
	const start = async ({ project, command }: Side, role: string) => {
		const { status, output } = await project.run([...command, role, prefix], { signal: failure.signal });
		const isDone = status === 0 && output.includes(RESULT);
		if (!isDone) failure.abort();
		return { isDone, output: output.replace(RESULT, ""), text: `${role} ended with ${status}:\n${output}` };
	};
	const outcomes = await Promise.all([start(receiver, "receive"), start(sender, "send")]);
	const left = removeSegments(prefix);
	claim(
		outcomes.every(({ isDone }) => isDone),
		outcomes.map(({ text }) => text).join("\n"),
	);
	claim(left.length === 0, `the processes have left ${left.join(", ")}`);
	const warning = outcomes.find(({ output }) => WARNING.test(output));
	claim(warning === undefined, `there is a warning:\n${warning?.output}`);
}
