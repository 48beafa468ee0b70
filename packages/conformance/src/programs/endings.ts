/**
 * Ends COUNT Workers in each way, and says what it uses then: `endings PREFIX COUNT`. A line of JSON after the first fifth of the
 * rounds, and one at the end.
 */
import { args, say } from "@libipc/testing/program";
import { type Ending, endings, endWorker, usage } from "../endings.ts";
import { list } from "../under_test.ts";

const [prefix = "", count = ""] = args;
const rounds = Number(count);

const report = (): void => say(JSON.stringify({ ...usage(), names: list({ prefix }).length }));

for (let round = 0; round < rounds; round++) {
	for (const how of endings) await endWorker(how as Ending, prefix, `n${round}`);
	if (round === Math.floor(rounds / 5)) report();
}
report();
