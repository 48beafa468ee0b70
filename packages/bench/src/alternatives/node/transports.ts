import type { AlternativeResult, MeasureOptions } from "../alternative.ts";
import { measureChildProcess } from "./child_process.ts";
import type { NodePlaces } from "./node_places.ts";
import { measureZeroMq } from "./zeromq.ts";
import { measureZeroMqOrders } from "./zeromq_orders.ts";

export type NodeMeasurement = (options: MeasureOptions, places: NodePlaces) => Promise<AlternativeResult>;

/** What the sender in Node can measure. */
export const nodeTransports = {
	advanced: (options) => measureChildProcess(options, "advanced"),
	json: (options) => measureChildProcess(options, "json"),
	zeromq: measureZeroMq,
	zeromqOrders: measureZeroMqOrders,
} satisfies Record<string, NodeMeasurement>;
