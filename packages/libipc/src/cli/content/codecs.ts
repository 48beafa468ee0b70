import type { Codec } from "libipc";
import { bytes, json, structured, text } from "libipc/codecs";
import { CommandFailure } from "../exit.ts";

/** The codecs that a command can use without the program that the name belongs to. */
export const knownCodecs = ["bytes", "text", "json", "structured", "msgpack"] as const;
export type KnownCodec = (typeof knownCodecs)[number];

/**
 * The codec with an id; `undefined`: this command does not have it.
 *
 * @throws CommandFailure if its package is not installed
 */
export async function codecWithId(id: string): Promise<Codec<unknown> | undefined> {
	switch (id) {
		case "bytes":
			return bytes() as Codec<unknown>;
		case "text":
			return text() as Codec<unknown>;
		case "json":
			return json();
		case "structured":
			return structured();
		case "msgpack":
			return await loadMsgpack();
		default:
			return undefined;
	}
}

async function loadMsgpack(): Promise<Codec<unknown>> {
	try {
		const { msgpack } = await import("libipc/codecs/msgpack");
		return msgpack();
	} catch {
		throw new CommandFailure(
			"The messages are msgpack, which needs the package msgpackr: install it beside libipc, or use --format hex.",
		);
	}
}
