import { seededRandom } from "@libipc/testing/random";
import {
	CALL_BYTES,
	type CallFrame,
	CREDIT_BYTES,
	type Frame,
	FrameType,
	HEADER_BYTES,
	ID_LIMIT,
	METHOD_BYTES,
	parseCall,
	parseInbox,
	parseReply,
	writeCall,
} from "../frames.ts";
import { failureFrom, thrownFrom, thrownOf } from "../remote_error.ts";
import { anyFrame, type Random } from "./random_frames.ts";

const IDS = { client: 12_345_678_901, server: 98_765_432_109, call: 7, method: "quote" };

function check(condition: boolean, what: string): void {
	if (!condition) throw new Error(what);
}

function checkCall(bytes: Uint8Array, call: CallFrame): void {
	check(bytes[0] === 1 && bytes[1] === FrameType.call, "the parser took another frame for a request");
	check(call.payload <= bytes.byteLength, "the arguments begin behind the message");
	const length = call.payload - CALL_BYTES;
	check(length > 0 && length <= METHOD_BYTES, "the method has a wrong length");
	check(Buffer.byteLength(call.method) === length, "the method is another text than its bytes");
	check(call.client > 0 && call.client < ID_LIMIT, "the client has a number that none can have");
	const again = new Uint8Array(call.payload);
	writeCall(again, bytes.subarray(CALL_BYTES, call.payload), call);
	again.set(bytes.subarray(42, 48), 42); // reserved
	check(
		Buffer.compare(again, bytes.subarray(0, call.payload)) === 0 || call.deadline > 2 ** 53,
		"a request that was parsed is written in another way",
	);
}

function checkFrame(bytes: Uint8Array, frame: Frame, first: number, last: number): void {
	check(frame.type >= first && frame.type <= last && frame.type === bytes[1], "a frame of another type was taken");
	check(frame.payload === (frame.type === FrameType.credit ? CREDIT_BYTES : HEADER_BYTES), "the payload is elsewhere");
	check(frame.payload <= bytes.byteLength, "the payload begins behind the message");
	check(frame.id > 0 && frame.id < ID_LIMIT, "the sender has a number that none can have");
	check(frame.credit >= 0 && frame.credit < 2 ** 32 && frame.call < 2 ** 32, "a number is out of range");
}

/** A value as a codec may read it from another process. */
function anyValue(random: Random, depth = 0): unknown {
	const keys = ["error", "value", "name", "message", "code", "cause", "stack", "issues", "path", "__proto__"];
	switch (depth > 4 ? random(5) : random(8)) {
		case 0:
			return undefined;
		case 1:
			return random(2) === 0 ? null : random(1000);
		case 2:
			return ["TypeError", "Error", "constructor", "ERR_IPC_PEER_DIED", ""][random(5)];
		case 3:
			return Symbol("of a codec of the program");
		case 4:
			return { [Symbol.toPrimitive]: null };
		default:
			return Object.fromEntries(
				Array.from({ length: random(6) }, () => [keys[random(keys.length)], anyValue(random, depth + 1)]),
			);
	}
}

/**
 * Parses so many frames, random and changed ones, and makes errors of as many random values. Throws if a parser throws, or accepts what
 * would be read beyond the message.
 *
 * @returns how many frames were accepted.
 */
export function fuzzFrames(inputs: number, seed: number): number {
	const random = seededRandom(seed);
	let accepted = 0;
	for (let i = 0; i < inputs; i++) {
		const bytes = anyFrame(random, IDS);
		try {
			const call = parseCall(bytes);
			const reply = parseReply(bytes);
			const inbox = parseInbox(bytes);
			if (call) checkCall(bytes, call);
			if (reply) checkFrame(bytes, reply, FrameType.started, FrameType.end);
			if (inbox) checkFrame(bytes, inbox, FrameType.cancel, FrameType.args);
			const kinds = Number(call !== undefined) + Number(reply !== undefined) + Number(inbox !== undefined);
			check(kinds <= 1, "a frame is of two kinds");
			accepted += kinds;
			const value = anyValue(random);
			thrownOf(thrownFrom(value), true);
			failureFrom("fuzz", value);
		} catch (error) {
			throw new Error(`seed ${seed}, input ${i}: ${Buffer.from(bytes).toString("hex")}`, { cause: error });
		}
	}
	return accepted;
}
