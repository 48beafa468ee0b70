import type { FileSink } from "bun";
import type { MeasureOptions, PeerResult } from "./alternative.ts";
import { type ChunkWriter, FrameBroadcast } from "./frame_broadcast.ts";
import { ReceiverProcesses } from "./receiver_processes.ts";
import { measureRounds } from "./rounds.ts";

export const name = "pipe";

/**
 * The standard input of each child: length-prefixed frames, many of them in one write.
 * What Bun makes for `stdin: "pipe"` on Linux is a pair of sockets.
 */
export async function measure(options: MeasureOptions): Promise<PeerResult> {
	await using receivers = new ReceiverProcesses(options, { entry: "pipe.process.ts", stdin: "pipe" });
	const { processes, reports } = receivers;
	const writers = processes.map((child) => chunkWriter(child.stdin));
	return await measureRounds(name, options, reports, new FrameBroadcast(writers, options.max));
}

function chunkWriter(stdin: FileSink): ChunkWriter {
	return (chunk) => {
		// Numbers when the pipe took all of it, promises when it is full.
		const written = stdin.write(chunk);
		const flushed = stdin.flush();
		if (typeof written === "number" && typeof flushed === "number") return undefined;
		// A broken pipe says less than the end of its receiver, which the reports are about to tell: wait for that.
		return Promise.all([written, flushed]).then(
			() => {},
			() => new Promise(() => {}),
		);
	};
}
