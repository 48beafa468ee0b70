/** One experiment: runs the participants of a plan, injects its faults and checks the logs. */
import { Mutex, RwLock, Semaphore } from "@libipc/core";
import { checkLocks, checkMessages, checkQueue, type Instance } from "./check.ts";
import { ControlBlock, MAX_INSTANCES } from "./control_block.ts";
import { OperationLog } from "./operation_log.ts";
import type { Fault, Plan } from "./plan.ts";
import { NAME, PERMITS, topicOf } from "./topic.ts";

/** How long the participants may take to end. Recovery takes up to a second, and longer on a busy machine. */
const END_LIMIT_MS = 20_000;

export interface Outcome {
	readonly kills: number;
	readonly stops: number;
	readonly messages: number;
	/** How often a lock reported a dead owner, or a message of a killed receiver came again. Other recoveries cannot be seen. */
	readonly recoveries: number;
	readonly failures: readonly string[];
}

class Experiment implements AsyncDisposable {
	readonly #plan: Plan;
	readonly #prefix: string;
	readonly #control: ControlBlock;
	readonly #instances: Instance[] = [];
	/** The latest instance of each participant. */
	readonly #current: { instance: Instance; process: Bun.Subprocess }[] = [];
	readonly failures: string[] = [];
	kills = 0;
	stops = 0;
	recoveries = 0;

	constructor(plan: Plan, prefix: string) {
		this.#plan = plan;
		this.#prefix = prefix;
		this.#control = new ControlBlock(prefix);
	}

	#spawn(participant: number): Instance {
		const number = this.#instances.length;
		if (number >= MAX_INSTANCES) throw new Error("the plan needs more instances than the control block has room for");
		const role = this.#plan.roles[participant] ?? "user";
		const log = new OperationLog(this.#prefix, number);
		const readersBefore = this.#instances.filter(({ role, log }) => role === "receiver" && log.ready);
		const instance: Instance = { number, role, log, readersBefore, killed: false };
		this.#instances.push(instance);
		const program = new URL("participant.process.ts", import.meta.url).pathname;
		const args = [this.#prefix, `${this.#plan.seed}`, `${participant}`, `${number}`];
		const process_ = Bun.spawn([process.execPath, program, ...args], {
			stdin: "ignore",
			stdout: "inherit",
			stderr: "pipe",
			onExit: (_, code, signal) => {
				if (instance.killed || code === 0) return;
				this.failures.push(`instance ${number} (${role}) ended with ${signal ?? code}`);
			},
		});
		void new Response(process_.stderr).text().then((text) => text && this.failures.push(text.trim()));
		this.#current[participant] = { instance, process: process_ };
		return instance;
	}

	async #until(what: string, holds: () => boolean): Promise<boolean> {
		const deadline = performance.now() + END_LIMIT_MS;
		while (!holds()) {
			if (this.failures.length > 0) return false;
			if (performance.now() > deadline) {
				this.failures.push(`hang: ${what} took more than ${END_LIMIT_MS} ms`);
				return false;
			}
			await Bun.sleep(2);
		}
		return true;
	}

	async #inject({ participant, stopMs }: Fault): Promise<void> {
		const { instance, process: target } = this.#current[participant] as {
			instance: Instance;
			process: Bun.Subprocess;
		};
		if (target.exitCode !== null) return;
		if (stopMs > 0) {
			this.stops++;
			target.kill("SIGSTOP");
			await Bun.sleep(stopMs);
			target.kill("SIGCONT");
			return;
		}
		this.kills++;
		instance.killed = true;
		this.#control.setDead(instance.number);
		target.kill("SIGKILL");
		await target.exited;
		// A route has one sender at a time. The last one has ended.
		this.#spawn(participant);
	}

	#exited(role: string): boolean {
		return this.#current.every(({ instance, process: each }) => instance.role !== role || each.exitCode !== null);
	}

	async run(): Promise<void> {
		const { roles, faults, duration, kind } = this.#plan;
		// A queue and its messages go when its last endpoint closes, and all participants may be dead at the same time.
		using _open = kind === "queue" ? topicOf(this.#plan, this.#prefix).sender() : undefined;
		using semaphore =
			kind === "semaphore" ? Semaphore.open(NAME, { prefix: this.#prefix, initial: PERMITS, robust: true }) : undefined;
		for (const [participant, role] of roles.entries()) if (role !== "sender") this.#spawn(participant);
		if (!(await this.#until("the start of all", () => this.#instances.every(({ log }) => log.ready)))) return;
		for (const [participant, role] of roles.entries()) if (role === "sender") this.#spawn(participant);
		const started = performance.now();
		const pending: Promise<void>[] = [];
		for (const fault of faults) {
			await Bun.sleep(Math.max(0, fault.at - (performance.now() - started)));
			// One fault after the other: a stopped participant is not killed, a killed one is replaced first.
			await Promise.all(pending.filter(Boolean));
			pending.push(this.#inject(fault));
		}
		await Promise.all(pending);
		await Bun.sleep(Math.max(0, duration - (performance.now() - started)));
		this.#control.phase = "ending";
		if (!(await this.#until("the end of the senders", () => this.#exited("sender") && this.#exited("user")))) return;
		this.#control.phase = "reading";
		if (!(await this.#until("the end of the receivers", () => this.#exited("receiver")))) return;
		this.#check(semaphore);
	}

	#check(semaphore: Semaphore | undefined): void {
		const { kind, overflow } = this.#plan;
		this.recoveries = this.#control.recoveries;
		if (kind === "queue") {
			const { failures, again } = checkQueue(this.#instances);
			this.failures.push(...failures);
			this.recoveries += again;
		} else if (kind === "route" || kind === "channel") this.failures.push(...checkMessages(this.#instances, overflow));
		else if (semaphore) {
			for (let i = 0; i < PERMITS; i++)
				if (!semaphore.acquire({ timeout: END_LIMIT_MS }))
					this.failures.push(`permit ${i} of ${PERMITS} was never returned`);
		} else {
			using lock =
				kind === "mutex" ? Mutex.open(NAME, { prefix: this.#prefix }) : RwLock.open(NAME, { prefix: this.#prefix });
			using guard = lock.acquire({ timeout: END_LIMIT_MS });
			if (!guard) this.failures.push("the lock did not become free");
			this.failures.push(...checkLocks(this.#instances, this.#control.pair));
		}
	}

	get messages(): number {
		return this.#instances.reduce((sum, { role, log }) => sum + (role === "sender" ? 0 : log.length), 0);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const { process: each } of this.#current) if (each?.exitCode === null) each.kill("SIGKILL");
		for (const { process: each } of this.#current) await each?.exited;
		for (const { log } of this.#instances) log[Symbol.dispose]();
		this.#control[Symbol.dispose]();
	}
}

/** Runs the experiment of a plan. */
export async function runExperiment(plan: Plan, prefix: string): Promise<Outcome> {
	await using experiment = new Experiment(plan, prefix);
	await experiment.run();
	const { kills, stops, messages, recoveries, failures } = experiment;
	return { kills, stops, messages, recoveries, failures };
}
