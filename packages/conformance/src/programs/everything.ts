/**
 * Holds one of everything, or watches it: `everything PROGRAM PREFIX NAME PERMISSIONS BEFORE LATER`, see `holdings.ts`.
 * BEFORE and LATER are JSON: the surroundings that it enters before it opens the names, and, of a watcher, when it has begun.
 */
import { isMainThread, Worker } from "node:worker_threads";
import { args, say } from "@libipc/testing/program";
import { holdEverything, Watcher } from "../holdings.ts";
import { enter, type Surroundings } from "../surroundings.ts";
import { Channel } from "../under_test.ts";

const [program = "", prefix = "", name = "", permissions, before = "{}", later = "null"] = args;
const options = { prefix, permissions: Number(permissions) };
const print = (value: unknown): void => say(JSON.stringify(value));

/** Holds everything until it is killed, or, on SIGUSR2, becomes another program in the same process. */
function hold(): void {
	const all = holdEverything(name, options);
	setInterval(() => all.length, 60_000);
	print({ pid: process.pid });
}

const programs: Record<string, () => unknown> = {
	holds() {
		onSignalReplaceProgram();
		hold();
	},

	/** The same in a Worker, which is blocked in a call then. */
	"holds in a Worker"() {
		onSignalReplaceProgram();
		const worker = new Worker(new URL(import.meta.url), {
			workerData: { args: ["thread", prefix, name, permissions] },
		});
		worker.on("message", say);
	},

	thread() {
		hold();
		Channel.receiver(`${name}.silent`, options).recv();
	},

	async watches() {
		const surroundings = JSON.parse(later) as Surroundings | null;
		const watcher = new Watcher(name, options, surroundings === null);
		print({ pid: process.pid });
		await watcher.begin();
		if (surroundings) enter(surroundings);
		print(await watcher.tryToGet());
		const got = watcher.getEverything((what, value) => print([what, value]));
		print("waiting");
		await got;
		watcher.close();
	},
};

function onSignalReplaceProgram(): void {
	process.on("SIGUSR2", () => {
		process.execve?.(
			"/bin/sh",
			["sh", "-c", `echo '"replaced"'; exec sleep 600`],
			process.env as Record<string, string>,
		);
	});
}

if (isMainThread) enter(JSON.parse(before) as Surroundings);
await programs[program]?.();
