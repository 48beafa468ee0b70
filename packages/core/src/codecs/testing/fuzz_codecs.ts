import { IpcError } from "@libipc/protocol";
import { seededRandom } from "@libipc/testing/random";
import { Channel } from "../../index.ts";
import type { Codec } from "../../value/codec.ts";
import { json } from "../json.ts";
import { msgpack } from "../msgpack.ts";
import { structured } from "../structured.ts";
import { text } from "../text.ts";
import { damaged } from "./damaged.ts";
import { type Random, randomTree } from "./random_value.ts";

const NAME = "fuzz codecs";
/** Every so many inputs comes a message without damage. */
const WHOLE = 16;

interface Subject {
	readonly codec: Codec<unknown>;
	/** A value that the codec can send and gives back as it was. */
	readonly value: (random: Random) => unknown;
}

/** What JSON can send. MessagePack has no strings that are not Unicode. */
const jsonValue = (random: Random): unknown => {
	const text = JSON.stringify(randomTree(random, 3) ?? null, (_, value) =>
		typeof value === "bigint" ? `${value}` : value,
	);
	return JSON.parse(text.replaceAll(/\\ud[89a-f]../g, "?"));
};

const subjects: readonly Subject[] = [
	{ codec: text() as Codec<unknown>, value: (random) => "é€\u{1f600}a".repeat(random(20)) },
	{ codec: json<unknown>(), value: jsonValue },
	{ codec: structured<unknown>(), value: (random) => randomTree(random, 3) ?? null },
	{ codec: msgpack<unknown>(), value: jsonValue },
];

/** What two values have to have in common to be equal. */
const compared = structured<unknown>();
const bytesOf = (value: unknown): Buffer => Buffer.from(compared.encode?.(value) as Uint8Array);

/** What a codec makes of a message that lies alone in memory; `undefined`: it refuses it. */
function decodedAlone(codec: Codec<unknown>, message: Uint8Array): unknown {
	try {
		return codec.decode(message.slice());
	} catch (error) {
		if (error instanceof Error) return undefined;
		throw error;
	}
}

/**
 * Sends so many messages as bytes, damaged ones and whole ones, and receives them as values, by several codecs. Throws if a whole one does not
 * arrive as it was, if a damaged one gives another value than it does alone in memory, or if anything else comes of it than
 * `ERR_IPC_INVALID_MESSAGE` with its bytes.
 *
 * @returns how many damaged ones were refused.
 */
export function fuzzCodecs(inputs: number, seed: number, prefix: string): number {
	const random = seededRandom(seed);
	let refused = 0;
	for (const [index, { codec, value }] of subjects.entries()) {
		const name = `${NAME} ${index}`;
		using receiver = Channel.receiver<unknown>(name, { prefix, codec });
		using whole = Channel.sender<unknown>(name, { prefix, codec });
		using sender = Channel.sender(name, { prefix });
		using bytes = Channel.receiver(name, { prefix });
		const fail = (input: number, message: Uint8Array, what: string): never => {
			throw new Error(`seed ${seed}, ${codec.id}, input ${input}: ${Buffer.from(message).toString("hex")} ${what}`);
		};
		let valid: Uint8Array = new Uint8Array(0);
		for (let i = 0; i < inputs / subjects.length; i++) {
			const isWhole = i % WHOLE === 0;
			const sent = isWhole ? value(random) : undefined;
			const message = isWhole ? valid : damaged(valid, random);
			if (isWhole) whole.send(sent);
			else sender.send(message);
			const arrived = bytes.recv({ timeout: 0 }) as Uint8Array;
			if (isWhole) valid = arrived;
			const expected = isWhole ? sent : decodedAlone(codec, message);
			let got: unknown;
			try {
				got = receiver.recv({ timeout: 0 });
			} catch (error) {
				if (!(error instanceof IpcError) || error.code !== "ERR_IPC_INVALID_MESSAGE") throw error;
				if (expected !== undefined) fail(i, arrived, `was refused: ${error.message}`);
				refused++;
				continue;
			}
			if (got === undefined) fail(i, arrived, "did not arrive");
			if (Buffer.compare(bytesOf(got), bytesOf(expected)) !== 0) fail(i, arrived, `gave ${String(got)}`);
		}
	}
	return refused;
}
