import { join } from "node:path";
import type { AlternativeResult, MeasureOptions } from "../alternative.ts";
import { measureRounds } from "../rounds.ts";
import { loadZeroMq, pushBroadcast } from "../zeromq_module.ts";
import { forkedReceivers } from "./forked_receivers.ts";
import type { NodePlaces } from "./node_places.ts";

/** The same as in Bun, where it does not run. */
export async function measureZeroMq(
	options: MeasureOptions,
	{ directory, zeromq }: NodePlaces,
): Promise<AlternativeResult> {
	const { Push } = await loadZeroMq(zeromq);
	const address = (receiver: number): string => `ipc://${join(directory, String(receiver))}`;
	const sockets = Array.from({ length: options.receivers }, () => new Push({ linger: 0 }));
	await Promise.all(sockets.map((socket, receiver) => socket.bind(address(receiver))));
	await using receivers = forkedReceivers(options, "zeromq.program.ts", "json", (receiver) => ({
		address: address(receiver),
		module: zeromq,
	}));
	const result = await measureRounds("ZeroMQ in Node", options, receivers, pushBroadcast(sockets));
	for (const socket of sockets) socket.close();
	return result;
}
