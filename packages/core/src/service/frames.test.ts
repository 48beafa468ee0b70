import { afterAll, describe, expect, test } from "bun:test";
import { seededRandom } from "@libipc/testing/random";
import { scale } from "@libipc/testing/scale";
import { Channel, list, Queue } from "libipc";
import { Service } from "libipc/service";
import { json } from "../codecs/json.ts";
import { parseCall, parseInbox, parseReply } from "./frames.ts";
import { fuzzFrames } from "./testing/fuzz_frames.ts";
import { anyFrame } from "./testing/random_frames.ts";

const prefix = `frames${process.pid}`;

afterAll(() => {
	for (const { kind, name } of list({ prefix })) (kind === "queue" ? Queue : Channel).clear(name, { prefix });
});

/** The fields of docs/services.md, written by hand. */
function callFrame(): Uint8Array {
	const bytes = new Uint8Array(48 + 5 + 7);
	const view = new DataView(bytes.buffer);
	view.setUint8(0, 1); // version
	view.setUint8(1, 1); // a request
	view.setUint16(2, 0, true);
	view.setUint32(4, 42, true);
	view.setBigUint64(8, 0x1f_2345_6789_abcdn, true);
	view.setBigUint64(16, 5_000_000_000n, true);
	view.setUint32(24, 1234, true);
	view.setUint32(28, 1000, true);
	view.setUint32(32, 32, true);
	view.setUint32(36, 0, true);
	view.setUint16(40, 5, true);
	bytes.set(new TextEncoder().encode('quote["BUN"]'), 48);
	return bytes.subarray(0, 60);
}

describe("frames of services", () => {
	test("are those of the documentation", () => {
		const bytes = callFrame();
		expect(parseCall(bytes)).toEqual({
			...{ flags: 0, call: 42, client: 0x1f_2345_6789_abcd, deadline: 5_000_000_000, pid: 1234, uid: 1000 },
			...{ credit: 32, argsLength: 0, unrun: 0, method: "quote", payload: 53 },
		});
		const credit = Uint8Array.from([1, 9, 0, 0, 42, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0]);
		expect(parseInbox(credit)).toEqual({ type: 9, flags: 0, call: 42, id: 5, payload: 24, credit: 16 });
		const answer = Uint8Array.from([1, 3, 1, 0, 42, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
		expect(parseReply(answer)).toEqual({ type: 3, flags: 1, call: 42, id: 5, payload: 16, credit: 0 });
		for (const parse of [parseCall, parseInbox]) expect(parse(answer)).toBeUndefined();
	});

	test("may be of another language: a client of bytes calls a service", async () => {
		using server = Service.serve("bytes", { quote: (symbol: string) => symbol.length }, { prefix, codec: json() });
		using ring = Channel.receiver("bytes.client.1f23456789abcd", { prefix });
		using requests = Queue.sender("bytes", { prefix });
		const bytes = callFrame();
		new DataView(bytes.buffer).setBigUint64(16, 0n, true);
		requests.send(bytes);
		const answer = await ring.recvAsync({ timeout: 30_000 });
		expect(parseReply(answer as Uint8Array)).toMatchObject({ type: 3, call: 42 });
		expect(new TextDecoder().decode(answer?.subarray(16))).toBe("3");
		expect(server.running).toBe(0);
	});

	test("that were changed are refused, or read within their length", () => {
		const inputs = scale(20_000, 2000);
		const accepted = fuzzFrames(inputs, 1);
		expect(accepted).toBeGreaterThan(inputs / 4);
		expect(accepted).toBeLessThan(inputs);
	});

	test("that were changed neither end a server or a client, nor keep them from calls", async () => {
		const random = seededRandom(7);
		const handlers = { quote: (symbol: string) => symbol.length, wait: () => new Promise<void>(() => {}) };
		const server = Service.serve("fuzz", handlers, { prefix, concurrency: 65_536 });
		const client = Service.connect<typeof handlers>("fuzz", { prefix });
		expect(await client.quote("BUN")).toBe(3);
		const waiting = client.wait().then(String, String);
		const idOf = (role: string): number => {
			const name = list({ prefix }).find((each) => each.name.startsWith(`fuzz.${role}.`))?.name ?? "";
			return Number.parseInt(name.slice(-14), 16);
		};
		const ids = { client: idOf("client"), server: idOf("server"), call: 2, method: "quote" };
		const hex = (id: number): string => id.toString(16).padStart(14, "0");
		using requests = Queue.sender("fuzz", { prefix });
		using ring = Channel.sender(`fuzz.client.${hex(ids.client)}`, { prefix });
		using inbox = Channel.sender(`fuzz.server.${hex(ids.server)}`, { prefix });
		const frames = scale(3000, 1000);
		for (let i = 0; i < frames; i++) {
			const frame = anyFrame(random, ids);
			for (const sender of [requests, ring, inbox]) await sender.sendAsync(frame);
		}
		// The call that waits may have got an answer of any kind by now.
		const outcome = await Promise.race([waiting, client.quote("again")]);
		expect(["string", "number"]).toContain(typeof outcome);
		expect(await client.quote("BUN")).toBe(3);
		expect(server.closed).toBe(false);
		client.$close();
		server.close();
	});
});
