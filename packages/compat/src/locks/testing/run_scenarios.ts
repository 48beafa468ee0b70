/** Runs the scenarios whose names contain the argument, all without one, in this runtime: `node run_scenarios.ts mutex`. */
import { scenarios } from "./scenarios.ts";

const wanted = process.argv[2] ?? "";
for (const [name, scenario] of Object.entries(scenarios)) {
	if (!name.includes(wanted)) continue;
	const began = performance.now();
	await scenario();
	console.log(`ok ${name} ${Math.round(performance.now() - began)} ms`);
}
