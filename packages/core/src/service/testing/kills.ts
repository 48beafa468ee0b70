import { seededRandom } from "@libipc/testing/random";
import { filesOf } from "@libipc/testing/segment_files";
import { TestProgram } from "@libipc/testing/test_program";
import { sleep, until } from "@libipc/testing/timing";
import { Channel, list, Queue } from "libipc";
import { Service } from "libipc/service";

/** What a process of the test says, through a queue: what it has said before it is killed arrives. */
export type LogLine =
	| { readonly what: "begun"; readonly id: string }
	| { readonly what: "run"; readonly id: string }
	| {
			readonly what: "ended";
			readonly id: string;
			readonly failed: boolean;
			/** What is wrong with the result; empty: nothing. */
			readonly wrong: string;
			/** Whether the method may run twice for one call. */
			readonly mayRepeat: boolean;
			/** Milliseconds, without those for which the method slept. */
			readonly ms: number;
	  }
	| { readonly what: "stopped"; readonly id: string; readonly pending: number };

export interface KillsResult {
	readonly kills: number;
	readonly calls: number;
	readonly answered: number;
	readonly failed: number;
	/** Calls of killed clients, which nobody waits for any more. */
	readonly abandoned: number;
	/** How long the calls took, in milliseconds: the longest, and all but one of a thousand. */
	readonly longest: number;
	readonly p999: number;
	/** How long those that failed took, at most. */
	readonly longestFailed: number;
	/** What went wrong. */
	readonly problems: readonly string[];
}

const SERVERS = 3;
const CLIENTS = 3;
const NAME = "victims";

/**
 * Kills servers and clients of a service at random moments, so often, and replaces them. Each call is to be answered or to fail, once; a
 * method that may not run twice is not to run twice; and in the end nothing is to be left.
 */
export async function killServices(
	kills: number,
	seed: number,
	onKill: (done: number) => void = () => {},
): Promise<KillsResult> {
	const random = seededRandom(seed);
	const prefix = `kills${process.pid}.${seed}`;
	const start = (role: string): TestProgram =>
		new TestProgram(new URL("kills.process.ts", import.meta.url), [role, prefix, NAME], { transport: "processes" });
	const problems: string[] = [];
	const begun = new Set<string>();
	const ended = new Set<string>();
	const runs = new Map<string, number>();
	const mayRepeat = new Set<string>();
	const stopped: string[] = [];
	const times: number[] = [];
	let failed = 0;
	let longestFailed = 0;

	function read(line: LogLine): void {
		if (line.what === "begun") begun.add(line.id);
		else if (line.what === "run") runs.set(line.id, (runs.get(line.id) ?? 0) + 1);
		else if (line.what === "stopped") {
			stopped.push(line.id);
			if (line.pending !== 0) problems.push(`client ${line.id} has ${line.pending} calls that did not end`);
		} else {
			if (ended.has(line.id)) problems.push(`call ${line.id} ended twice`);
			ended.add(line.id);
			if (line.wrong) problems.push(`call ${line.id}: ${line.wrong}`);
			if (line.failed) {
				failed++;
				longestFailed = Math.max(longestFailed, line.ms);
			}
			if (line.mayRepeat) mayRepeat.add(line.id);
			times.push(line.ms);
		}
	}

	const logged = Queue.receiver("log", { prefix });
	const control = Channel.sender("control", { prefix });
	const reading = (async () => {
		for await (const bytes of logged) read(JSON.parse(new TextDecoder().decode(bytes)) as LogLine);
	})();
	const processes = {
		server: Array.from({ length: SERVERS }, () => start("server")),
		client: Array.from({ length: CLIENTS }, () => start("client")),
	};

	async function kill(role: "server" | "client", index: number): Promise<void> {
		const victim = processes[role][index] as TestProgram;
		// Some servers end in an orderly way.
		if (role === "server" && victim.hasSaid && random(3) === 0) {
			victim.signal("SIGTERM");
			await victim.exited;
		} else await victim.kill();
		processes[role][index] = start(role);
	}

	try {
		let done = 0;
		while (done < kills) {
			// It kills processes that work, and now and then one that is about to begin.
			await Promise.race([
				Promise.all([...processes.server, ...processes.client].map((each) => each.hasSaid || each.line())),
				sleep(2000),
			]);
			await sleep(random(100));
			const victims: Promise<void>[] = [];
			if (random(8) === 0) for (let i = 0; i < SERVERS; i++) victims.push(kill("server", i));
			else if (random(5) < 3) victims.push(kill("server", random(SERVERS)));
			else victims.push(kill("client", random(CLIENTS)));
			await Promise.all(victims);
			done += victims.length;
			onKill(done);
		}
		// New clients say so when they listen to this.
		await until(() => control.receiverCount === CLIENTS);
		control.send("stop");
		const isStopped = (): boolean => processes.client.every(({ pid }) => stopped.includes(String(pid)));
		await until(isStopped);
		await Promise.all(processes.client.map((each) => each.exited));
		await Promise.all(processes.server.map((each) => each.kill()));
		for (const [id, count] of runs)
			if (count > 1 && !mayRepeat.has(id) && ended.has(id)) problems.push(`call ${id} ran ${count} times`);
	} finally {
		await Promise.all([...processes.server, ...processes.client].map((each) => each.kill()));
		logged.close();
		control.close();
		await reading;
	}
	// What killed servers left, the next one removes.
	Service.serve(NAME, { nothing: () => {} }, { prefix }).close();
	for (const { kind, name } of list({ prefix })) problems.push(`left behind: ${kind} ${name}`);
	for (const file of filesOf(prefix)) problems.push(`left behind: ${file}`);
	times.sort((a, b) => a - b);
	return {
		kills,
		calls: begun.size,
		answered: ended.size - failed,
		failed,
		abandoned: [...begun].filter((id) => !ended.has(id)).length,
		longest: times.at(-1) ?? 0,
		p999: times[Math.floor(times.length * 0.999)] ?? 0,
		longestFailed,
		problems,
	};
}
