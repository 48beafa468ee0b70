import type { Codec } from "libipc";
import { json, structured } from "libipc/codecs";
import type { Quote } from "./quote.ts";

export type CallCodec = "json" | "structured";

/** The codecs of arguments and answers that are measured. */
export const callCodecs: Readonly<Record<CallCodec, Codec<unknown>>> = { json: json(), structured: structured() };

/** The same codecs, of the latest value. */
export const quoteCodecs: Readonly<Record<CallCodec, Codec<Quote>>> = {
	json: json<Quote>(),
	structured: structured<Quote>(),
};
