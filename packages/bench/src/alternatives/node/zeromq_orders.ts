import { join } from "node:path";
import { ForkedProgram } from "../../launcher/forked_program.ts";
import type { AlternativeResult, MeasureOptions } from "../alternative.ts";
import { type ReceiverReport, Receivers } from "../receivers.ts";
import { measureOrders } from "../typed/order_rounds.ts";
import { loadZeroMq } from "../zeromq_module.ts";
import type { NodePlaces } from "./node_places.ts";

/** Orders as JSON. A PUSH socket for each receiver: it waits at its high-water mark, where PUB would drop. */
export async function measureZeroMqOrders(
	options: MeasureOptions,
	{ directory, zeromq }: NodePlaces,
): Promise<AlternativeResult> {
	const { Push } = await loadZeroMq(zeromq);
	const address = (receiver: number): string => `ipc://${join(directory, String(receiver))}`;
	const sockets = Array.from({ length: options.receivers }, () => new Push({ linger: 0 }));
	await Promise.all(sockets.map((socket, receiver) => socket.bind(address(receiver))));
	await using receivers = new Receivers(
		options,
		(receiver) =>
			new ForkedProgram<ReceiverReport>({
				name: `receiver ${receiver} of zeromq_orders.program.ts in Node`,
				program: new URL("zeromq_orders.program.ts", import.meta.url),
				args: [zeromq, address(receiver)],
				serialization: "json",
			}),
	);
	const result = await measureOrders("ZeroMQ in Node", options, receivers, {
		send(order) {
			const message = JSON.stringify(order);
			return Promise.all(sockets.map((socket) => socket.send(message)));
		},
	});
	for (const socket of sockets) socket.close();
	return result;
}
