/** Does as many pairs of one kind as each order says, and reports how many nanoseconds they took. */
import { monotonicNs } from "libipc";
import { serve } from "../launcher/started.ts";
import { type PairKind, pairs } from "./pairs.ts";

const [kind = "", prefix = ""] = process.argv.slice(2);
const run = pairs[kind as PairKind](prefix);
serve((count: number): number => {
	const start = monotonicNs();
	run(count);
	return monotonicNs() - start;
});
