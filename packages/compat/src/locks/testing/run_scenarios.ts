/** Runs the scenarios, or those whose names hold the argument, in whatever runtime this is: `node run_scenarios.ts mutex`. */
import { scenarios } from "./scenarios.ts";

const wanted = process.argv[2] ?? "";
for (const [name, scenario] of Object.entries(scenarios)) {
	if (!name.includes(wanted)) continue;
	const began = performance.now();
	await scenario();
	console.log(`ok ${name} ${Math.round(performance.now() - began)} ms`);
}
