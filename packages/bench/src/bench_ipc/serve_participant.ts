import type { EndpointOrder, EndpointReport } from "../launcher/endpoint_group.ts";
import { serve } from "../launcher/started.ts";
import type { Comparer } from "../workload/workload.ts";
import { type Assignment, Participant } from "./participant.ts";

/** Makes this process or Worker one end of a row: it opens what its first order says, then runs rounds. */
export function serveParticipant(compare: Comparer): void {
	let participant: Participant | undefined;
	serve<EndpointOrder<Assignment>, EndpointReport>(
		(order) => {
			if (order !== "round") {
				participant = new Participant(order, compare);
				return "ready";
			}
			if (!participant) throw new Error("a round was ordered before the assignment");
			return participant.round();
		},
		() => participant?.[Symbol.dispose](),
	);
}
