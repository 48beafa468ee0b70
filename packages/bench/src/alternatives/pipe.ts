import type { FileSink } from "bun";
import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { type ChunkWriter, FrameBroadcast } from "./frame_broadcast.ts";
import { receiverProcesses } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";

export const name = "pipe";

/**
 * The standard input of each child: length-prefixed frames, many of them in one write.
 * On Linux Bun makes a pair of sockets for `stdin: "pipe"`.
 */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	await using receivers = receiverProcesses(options, { program: "pipe.program.ts", stdin: "pipe" });
	const writers = receivers.programs.map(({ child }) => chunkWriter(child.stdin));
	return await measureRounds(name, options, receivers, new FrameBroadcast(writers, options.max));
}

function chunkWriter(stdin: FileSink): ChunkWriter {
	return (chunk) => {
		// Numbers if the pipe took all of it, promises if it is full.
		const written = stdin.write(chunk);
		const flushed = stdin.flush();
		if (typeof written === "number" && typeof flushed === "number") return undefined;
		// The reports of the receiver say better why it has ended than a broken pipe does: wait for them.
		return Promise.all([written, flushed]).then(
			() => {},
			() => new Promise(() => {}),
		);
	};
}
