/** A process or a Worker that competes with others for a lock: it reports when it has done its task. */
import { serve } from "../launcher/started.ts";
import { Contender, type ContenderOrder } from "./contender.ts";

let contender: Contender | undefined;
serve<ContenderOrder, number>((order) => {
	if ("shared" in order) {
		contender = new Contender(order.shared);
		return undefined;
	}
	contender ??= new Contender();
	return contender.run(order);
});
