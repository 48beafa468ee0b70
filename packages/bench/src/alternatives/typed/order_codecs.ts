import type { Codec } from "libipc";
import { json, structured } from "libipc/codecs";
import type { Order } from "./order.ts";

export type OrderCodec = "json" | "structured";

/** The codecs that are measured. */
export const orderCodecs: Readonly<Record<OrderCodec, Codec<Order>>> = {
	json: json<Order>(),
	structured: structured<Order>(),
};
