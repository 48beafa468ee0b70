import { join } from "node:path";
import type { MeasureOptions, PeerResult } from "./alternative.ts";
import { FrameBroadcast } from "./frame_broadcast.ts";
import { ReceiverProcesses } from "./receiver_processes.ts";
import { measureRounds } from "./rounds.ts";
import { SocketServer } from "./socket_server.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";

export const name = "Unix socket";

/** A Unix socket per receiver, length-prefixed frames, many of them in one write. */
export async function measure(options: MeasureOptions): Promise<PeerResult> {
	using directory = new TemporaryDirectory();
	const address = join(directory.path, "socket");
	using server = new SocketServer(address, options.receivers);
	await using receivers = new ReceiverProcesses(options, {
		entry: "unix_socket.process.ts",
		stdin: "ignore",
		address: () => address,
	});
	const { reports } = receivers;
	const writers = await reports.unlessFailed(server.writers);
	// Connected sockets need no name: from here on not even SIGKILL leaves anything behind.
	directory[Symbol.dispose]();
	return await measureRounds(name, options, reports, new FrameBroadcast(writers, options.max));
}
