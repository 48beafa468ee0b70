import { join } from "node:path";
import type { AlternativeResult, MeasureOptions } from "./alternative.ts";
import { FrameBroadcast } from "./frame_broadcast.ts";
import { receiverProcesses } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";
import { SocketServer } from "./socket_server.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";

export const name = "Unix socket";

/** A Unix socket per receiver, length-prefixed frames, many of them in one write. */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	using directory = new TemporaryDirectory();
	const address = join(directory.path, "socket");
	using server = new SocketServer(address, options.receivers);
	await using receivers = receiverProcesses(options, {
		program: "unix_socket.program.ts",
		address: () => address,
	});
	const writers = await receivers.unlessFailed(server.writers);
	// Connected sockets need no name: from here on even SIGKILL leaves no file.
	directory[Symbol.dispose]();
	return await measureRounds(name, options, receivers, new FrameBroadcast(writers, options.max));
}
