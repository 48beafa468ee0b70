import type { SerializationType } from "node:child_process";
import type { AlternativeResult, MeasureOptions } from "../alternative.ts";
import { measureRounds } from "../rounds.ts";
import { forkedReceivers } from "./forked_receivers.ts";

/** A callback for each message costs as much as the message: so often the sender asks whether it must wait. */
const MESSAGES_PER_CALLBACK = 64;

/** `child.send` of Node's child_process (`process.send` in the other direction), from the parent to its children. JSON has no bytes: they travel as base64. */
export async function measureChildProcess(
	options: MeasureOptions,
	serialization: SerializationType,
): Promise<AlternativeResult> {
	await using receivers = forkedReceivers(options, "child_process.program.ts", serialization, () => ({}));
	let sent = 0;
	return await measureRounds(`Node ipc, ${serialization}`, options, receivers, {
		send(message) {
			const sendable = serialization === "json" ? Buffer.from(message).toString("base64") : message;
			const asks = ++sent % MESSAGES_PER_CALLBACK === 0;
			const waits: Promise<void>[] = [];
			for (const { child } of receivers.programs) {
				if (!asks) {
					child.send(sendable);
					continue;
				}
				const { promise, resolve } = Promise.withResolvers<void>();
				// The reports of the receiver say better why it has ended than an error here does: wait for them.
				const hasRoom = child.send(sendable, (error) => error ?? resolve());
				if (!hasRoom) waits.push(promise);
			}
			return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
		},
	});
}
