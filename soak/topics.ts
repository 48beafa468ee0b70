import { Channel, type EndpointOptions, Queue, Route } from "@libipc/core";

/** The channels, routes and queues of the soak: every kind and every policy. */
export const topics = {
	block: { factory: Channel, options: { overflow: "block" } },
	newest: { factory: Channel, options: { overflow: "drop-newest" } },
	oldest: { factory: Channel, options: { overflow: "drop-oldest" } },
	route: { factory: Route, options: { capacity: 1 << 18 } },
	queue: { factory: Queue, options: { capacity: 1 << 22 } },
} as const satisfies Record<string, { factory: unknown; options: EndpointOptions }>;

export type Topic = keyof typeof topics;

/** What each of the four processes sends and receives: eight senders and eight receivers in all. */
export const processes: readonly { readonly senders: readonly Topic[]; readonly receivers: readonly Topic[] }[] = [
	{ senders: ["block", "newest"], receivers: ["oldest", "queue"] },
	{ senders: ["oldest", "route"], receivers: ["block", "newest"] },
	{ senders: ["queue", "block"], receivers: ["route", "oldest"] },
	{ senders: ["queue", "oldest"], receivers: ["block", "queue"] },
];

/** What a process reports at the end and in between. */
export interface Report {
	readonly rss: number;
	readonly descriptors: number;
	readonly threads: number;
	readonly sent: number;
	readonly received: number;
	/** How many endpoints were opened. */
	readonly endpoints: number;
	readonly lost: number;
	/** Of the queue: numbers of messages, and checksums of what was sent and received. */
	readonly queueSent: number;
	readonly queueReceived: number;
	readonly queueSentSum: number;
	readonly queueReceivedSum: number;
	readonly errors: readonly string[];
}
