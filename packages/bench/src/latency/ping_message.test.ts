import { expect, test } from "bun:test";
import { MESSAGE_BYTES, PingMessage } from "./ping_message.ts";

function echoOf(message: PingMessage): Uint32Array {
	return new Uint32Array(message.bytes.slice().buffer);
}

test("an echo of the same bytes is equal", () => {
	const message = new PingMessage();
	message.write(7);
	expect(message.bytes).toHaveLength(MESSAGE_BYTES);
	expect(message.equals(echoOf(message))).toBe(true);
});

test("a single wrong bit in any word is detected", () => {
	const message = new PingMessage();
	message.write(7);
	for (let i = 0; i < MESSAGE_BYTES / 4; i++) {
		const echo = echoOf(message);
		echo[i] = (echo[i] ?? 0) ^ (1 << i);
		expect(message.equals(echo)).toBe(false);
	}
});

test("the echo of the previous round differs in every word", () => {
	const message = new PingMessage();
	message.write(7);
	const old = echoOf(message);
	message.write(8);
	const next = echoOf(message);
	for (const [i, word] of old.entries()) expect(next[i]).not.toBe(word);
});
