/** A process or a Worker that competes with others for a lock: it reports when it has done its task. */
import { serve } from "../launcher/started.ts";
import { Contender, type ContenderOrder, type ContenderReport } from "./contender.ts";

let contender: Contender | undefined;
serve<ContenderOrder, ContenderReport>((order) => {
	if ("shared" in order) {
		contender = new Contender(order.shared);
		return "ready";
	}
	if (!contender) throw new Error("a task was ordered before the memory");
	return contender.run(order);
});
