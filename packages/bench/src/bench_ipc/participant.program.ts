/** One end of a row of bench_ipc, in a process or in a Worker. */
import type { EndpointOrder, EndpointReport } from "../launcher/endpoint_group.ts";
import { serve } from "../launcher/started.ts";
import { type Assignment, Participant } from "./participant.ts";

let participant: Participant | undefined;
serve<EndpointOrder<Assignment>, EndpointReport>(
	(order) => {
		if (order !== "round") {
			participant = new Participant(order);
			return "ready";
		}
		if (!participant) throw new Error("a round was ordered before the assignment");
		return participant.round();
	},
	() => participant?.[Symbol.dispose](),
);
