/**
 * Ends COUNT Workers in each way, and says what it uses then: `endings PREFIX COUNT`. A line of JSON after the first fifth of the
 * rounds, and one at the end.
 */
import { args, say } from "@libipc/testing/program";
import { until } from "@libipc/testing/timing";
import { endWorker, possibleEndings, usage } from "../endings.ts";
import { list } from "../under_test.ts";

const [prefix = "", count = ""] = args;
const rounds = Number(count);

async function report(): Promise<void> {
	// In Deno, a terminated Worker still runs for some time when it is said to have ended. The system frees the memory of a mapping
	// after it has removed the mapping.
	if (process.versions.deno)
		await until(() => list({ prefix }).length === 0 && usage().segments === 0 && usage().storage < 2 ** 20);
	say(JSON.stringify({ ...usage(), names: list({ prefix }).length }));
}

for (let round = 0; round < rounds; round++) {
	for (const how of possibleEndings) await endWorker(how, prefix, `n${round}`);
	if (round === Math.floor(rounds / 5)) await report();
}
await report();
