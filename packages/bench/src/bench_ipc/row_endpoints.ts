import { Channel, Route } from "libipc";
import { EndpointGroup, type EndpointProgram } from "../launcher/endpoint_group.ts";
import { type Assignment, ENDPOINT_NAME } from "./participant.ts";
import { type Pattern, type Topology, topology } from "./pattern.ts";

/** What a row sends. */
export interface RowSize {
	readonly pattern: Pattern;
	readonly n: number;
	/** Messages in all, shared among the senders. */
	readonly count: number;
	readonly min: number;
	readonly max: number;
	readonly capacity: number;
}

/** The endpoints of a row, and what each does. */
export interface RowPlan extends Topology {
	readonly messagesPerSender: number;
	/** Messages sent in each round, over all senders. */
	readonly sent: number;
	readonly warmUpRounds: number;
}

/**
 * Each sender sends about so many messages before it is measured: by then the code is compiled to the end, and the pages are
 * mapped. libipc and the baseline warm up alike.
 */
const WARM_UP_MESSAGES = 200_000;
const MIN_WARM_UP_ROUNDS = 3;
const MAX_WARM_UP_ROUNDS = 20;

export function planOf({ pattern, n, count }: RowSize): RowPlan {
	const ends = topology(pattern, n);
	const messagesPerSender = Math.floor(count / ends.senders);
	const warmUpRounds = Math.min(
		MAX_WARM_UP_ROUNDS,
		Math.max(MIN_WARM_UP_ROUNDS, Math.ceil(WARM_UP_MESSAGES / messagesPerSender)),
	);
	return { ...ends, messagesPerSender, sent: messagesPerSender * ends.senders, warmUpRounds };
}

/** Starts the endpoints of a row, each in a program that `start` starts. */
export function startEndpoints(
	{ min, max, capacity }: RowSize,
	{ kind, senders, receivers, messagesPerSender }: RowPlan,
	prefix: string,
	start: (name: string) => EndpointProgram<Assignment>,
): Promise<EndpointGroup<Assignment>> {
	const shared = { kind, prefix, senders, receivers, messagesPerSender, min, max, capacity };
	return EndpointGroup.start<Assignment>({
		...shared,
		start: (role, index) => {
			const program = start(`${role} ${index}`);
			program.send({ ...shared, role, index });
			return program;
		},
	});
}

/** Removes the segments that killed participants have left. */
export function clearEndpoints({ kind }: Topology, prefix: string): void {
	(kind === "route" ? Route : Channel).clear(ENDPOINT_NAME, { prefix });
	Channel.clear("start", { prefix });
}
