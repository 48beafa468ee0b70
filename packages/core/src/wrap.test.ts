import { afterAll, describe, expect, test } from "bun:test";
import { createEndpointFactory } from "@libipc/protocol";
import { Channel } from "./index.ts";
import { nativeEngine } from "./native_engine.ts";
import { readPattern, writePattern } from "./testing/pattern.ts";

const prefix = `wrap${process.pid}`;
const positions = [2 ** 31 - 1, 2 ** 31 - 700, 2 ** 32 - 1, 2 ** 32 - 700];

afterAll(() => {
	for (const position of positions) Channel.clear(String(position), { prefix });
});

describe("positions that wrap", () => {
	test.each(positions)("a ring that starts at %d", (firstPosition) => {
		const starting = createEndpointFactory(
			() => ({
				...nativeEngine,
				openReceiver: (kind, at, name, options) =>
					nativeEngine.openReceiver(kind, at, name, { ...options, firstPosition }),
			}),
			"channel",
		);
		const name = String(firstPosition);
		using receiver = starting.receiver(name, { prefix, capacity: 4096 });
		using sender = Channel.sender(name, { prefix });
		const buffer = new Uint8Array(2040);
		let sent = 0;
		let received = 0;
		for (let round = 0; round < 200; round++) {
			while (sender.trySend(writePattern(buffer, 1, sent, 2040))) sent++;
			receiver.drain((view) => expect(readPattern(view, 2040)).toEqual({ sender: 1, sequence: received++ }), {
				timeout: 0,
			});
		}
		expect(received).toBe(sent);
		expect(sent).toBeGreaterThan(2000);
	});
});
