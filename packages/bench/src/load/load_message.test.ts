import { expect, test } from "bun:test";
import { LoadMessage } from "./load_message.ts";

test("the receiver gets the due time, and knows the message by its sequence", () => {
	const sent = new LoadMessage();
	sent.write(7, 123_456_789_012_345);
	const received = new LoadMessage();
	received.bytes.set(sent.bytes);
	expect(received.due).toBe(123_456_789_012_345);
	expect(received.isNext(7)).toBe(true);
	expect(received.isNext(6)).toBe(false);
	expect(received.isNext(8)).toBe(false);
});

test("a wrong bit in any word but the due time is detected", () => {
	const message = new LoadMessage();
	const words = new Int32Array(message.bytes.buffer);
	for (const word of words.keys()) {
		// The fill word and the due time say nothing about the sequence.
		if (word >= 1 && word < 4) continue;
		message.write(7, 1);
		words[word] = (words[word] ?? 0) ^ (1 << word);
		expect(message.isNext(7)).toBe(false);
	}
});
