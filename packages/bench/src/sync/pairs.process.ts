/** Does as many pairs of one kind as each line of its input says, and answers how many nanoseconds they took. */
import { monotonicNs } from "@libipc/core";
import { type PairKind, pairs } from "./pairs.ts";

const [kind = "", prefix = ""] = process.argv.slice(2);
const run = pairs[kind as PairKind](prefix);
for await (const line of console) {
	if (!line) break;
	const start = monotonicNs();
	run(Number(line));
	console.log(monotonicNs() - start);
}
