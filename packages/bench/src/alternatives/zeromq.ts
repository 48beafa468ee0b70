import { join } from "node:path";
import type { AlternativeResult, Availability, MeasureOptions } from "./alternative.ts";
import { receiverProcesses } from "./receivers.ts";
import { measureRounds } from "./rounds.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";
import { loadZeroMq, pushBroadcast } from "./zeromq_module.ts";
import { zeroMqModule } from "./zeromq_tool.ts";

export const name = "ZeroMQ";

/** A PUSH socket over `ipc://` per receiver: it waits at its high-water mark, where PUB would drop. */
export async function measure(options: MeasureOptions): Promise<AlternativeResult> {
	const availability = await available();
	if (!availability.available) throw new Error(availability.reason);
	const module = zeroMqModule();
	const { Push } = await loadZeroMq(module);
	using directory = new TemporaryDirectory();
	using cleanup = new DisposableStack();
	const address = (receiver: number): string => `ipc://${join(directory.path, String(receiver))}`;
	const sockets = Array.from({ length: options.receivers }, () =>
		// Without linger 0, messages to a receiver that died would keep this process from ending.
		cleanup.adopt(new Push({ linger: 0 }), (socket) => socket.close()),
	);
	await Promise.all(sockets.map((socket, receiver) => socket.bind(address(receiver))));
	await using receivers = receiverProcesses(options, { program: "zeromq.program.ts", address, module });
	return await measureRounds(name, options, receivers, pushBroadcast(sockets));
}

/** Tries the module in another process: where it does not work, it can end the process that uses it. */
export async function available(): Promise<Availability> {
	let module: string;
	try {
		module = zeroMqModule();
	} catch (error) {
		return { available: false, reason: String(error).split("\n")[0] ?? "" };
	}
	using directory = new TemporaryDirectory();
	await using probe = Bun.spawn({
		cmd: [process.execPath, join(import.meta.dir, "zeromq_probe.program.ts"), module],
		// A core file is removed with the directory. A crash is an answer here, and is not reported to Bun.
		cwd: directory.path,
		env: { ...process.env, BUN_ENABLE_CRASH_REPORTING: "0" },
		stdin: "ignore",
		stdout: "ignore",
		stderr: "pipe",
	});
	const [complaint, code] = await Promise.all([probe.stderr.text(), probe.exited]);
	if (code === 0) return { available: true };
	const lines = Bun.stripANSI(complaint).split("\n");
	const cause = lines.find((line) => /^(panic|error)\b/.test(line)) ?? `the probe ended with code ${code}`;
	return { available: false, reason: `ZeroMQ is left out, it does not run in Bun ${Bun.version} here: ${cause}` };
}
