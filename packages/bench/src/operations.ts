/**
 * What single operations cost in one process: a call that neither waits nor reads from the cache of another processor. A
 * message must leave the ring again, so a send is measured together with its receive.
 *
 *   bun run bench:operations
 */
import { Channel, Latest, list, Queue, Route } from "libipc";
import { commandLine } from "../../../scripts/lib/command_line.ts";
import { describeMachine, machine } from "./command/machine.ts";
import { EXIT_STATUS, runCommand } from "./command/run_command.ts";
import { BunProgram } from "./launcher/bun_program.ts";

commandLine({
	name: "bun run bench:operations",
	help: {
		description: `Micro-benchmarks of single operations in one process. They take about two minutes.\n\n${EXIT_STATUS}`,
	},
});

await runCommand(async (signal) => {
	console.log(`${describeMachine(machine())}\n`);
	const prefix = `operations${process.pid}.`;
	try {
		await using program = new BunProgram<never, "done">({
			name: "the program of the operations",
			program: new URL("operations/operations.program.ts", import.meta.url),
			args: [prefix],
			signal,
		});
		await program.report();
	} finally {
		// A killed program leaves its segments.
		const factories = { route: Route, queue: Queue, latest: Latest } as const;
		for (const { name, kind } of list({ prefix }))
			(kind === "route" || kind === "queue" || kind === "latest" ? factories[kind] : Channel).clear(name, { prefix });
	}
	return 0;
});
