import { expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { IpcError } from "@libipc/protocol";
import { seededRandom } from "@libipc/testing/random";
import { type AnyCodec, checkCodec } from "../value/check_codec.ts";
import { checkSchema, Decoding, type Utf8Buffer } from "../value/decoding.ts";
import { json } from "./json.ts";
import { msgpack } from "./msgpack.ts";
import { protobuf } from "./protobuf.ts";
import { structured } from "./structured.ts";
import { text } from "./text.ts";

/** Executions of each codec with damaged messages: LIBIPC_CODEC_FUZZ=1000000 for a long run. */
const EXECUTIONS = Number(process.env.LIBIPC_CODEC_FUZZ ?? 3000);

const value = { id: 4711, list: ["é", null, -1.5, true, "x".repeat(40)], nested: { a: [[], {}] } };
const file = create(FileDescriptorProtoSchema, { name: "a.proto", dependency: ["b"], messageType: [{ name: "M" }] });
const encoder = new TextEncoder();
const bytesOf = (codec: AnyCodec, sent: unknown): Uint8Array => {
	const encoded = codec.encode?.(sent as never) ?? "";
	return typeof encoded === "string" ? encoder.encode(encoded) : encoded.slice();
};

const cases: readonly (readonly [name: string, codec: unknown, valid: (codec: AnyCodec) => Uint8Array])[] = [
	["text", text(), (codec) => bytesOf(codec, "espresso ☕ é")],
	["json", json(), (codec) => bytesOf(codec, value)],
	["structured", structured(), (codec) => bytesOf(codec, value)],
	["msgpack", msgpack(), (codec) => bytesOf(codec, value)],
	["protobuf", protobuf(FileDescriptorProtoSchema), () => toBinary(FileDescriptorProtoSchema, file)],
];

test.each(cases)(
	"a damaged message of %s is a value, or invalid with a copy of its bytes",
	(_, given, makeValid) => {
		const codec = checkCodec({ kind: "channel", prefix: "", name: "damaged", role: "receiver" }, given);
		const decoding = new Decoding("damaged", 'channel "damaged"', codec, checkSchema("damaged", undefined));
		const valid = makeValid(codec);
		const random = seededRandom(3);
		const memory = Buffer.alloc(4096) as unknown as Utf8Buffer;
		let invalid = 0;
		for (let i = 0; i < EXECUTIONS; i++) {
			const bytes = valid.slice(0, random(3) === 0 ? random(valid.byteLength) + 1 : undefined);
			for (let changes = random(4); changes > 0; changes--) bytes[random(bytes.byteLength)] = random(256);
			memory.set(bytes);
			try {
				if (decoding.isText && random(2) === 0) decoding.fromText(memory, bytes.byteLength);
				else decoding.fromBytes(bytes);
			} catch (error) {
				if (!(error instanceof IpcError)) throw error;
				expect(error.code).toBe("ERR_IPC_INVALID_MESSAGE");
				expect(error.bytes).toEqual(bytes);
				invalid++;
			}
		}
		expect(invalid).toBeGreaterThan(0);
		expect(invalid).toBeLessThan(EXECUTIONS);
	},
	600_000,
);
