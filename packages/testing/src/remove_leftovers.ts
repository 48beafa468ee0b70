/** Ends the processes and removes the segments that a test process left behind: `remove_leftovers REGISTRY`, see `cleanup.ts`. */
import { readFileSync, rmSync } from "node:fs";
import { isRunning } from "./process_state.ts";
import { DIRECTORY, filesOf } from "./segment_files.ts";
import { sleep } from "./timing.ts";

const [registry = ""] = process.argv.slice(2);
const { processes, prefixes } = JSON.parse(readFileSync(registry, "utf8")) as {
	readonly processes: readonly number[];
	readonly prefixes: readonly string[];
};

for (const pid of processes) if (isRunning(pid)) process.kill(pid, "SIGKILL");
const patience = performance.now() + 60_000;
while (processes.some(isRunning) && performance.now() < patience) await sleep(5);
for (const prefix of prefixes) for (const file of filesOf(prefix)) rmSync(`${DIRECTORY}/${file}`, { force: true });
rmSync(registry, { force: true });
