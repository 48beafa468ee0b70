/** One experiment: runs the participants of a plan, injects its faults and checks the logs. */
import { Mutex, Queue, RwLock, Semaphore } from "@libipc/core";
import { checkLocks, checkMessages, checkQueue, type Instance } from "./check.ts";
import { ControlBlock, MAX_INSTANCES } from "./control_block.ts";
import { EXEC_SIGNAL } from "./exec_on_signal.ts";
import { commandFor, programOf, withoutNoise } from "./namespaces.ts";
import { OperationLog } from "./operation_log.ts";
import type { Fault, Plan, Role } from "./plan.ts";
import { DEAD_LETTERS, NAME, PERMITS, topicOf } from "./topic.ts";

/** Recovery takes up to a second, and longer on a busy machine: what takes so long never ends. */
const END_LIMIT_MS = 60_000;

export interface Outcome {
	readonly kills: number;
	readonly execs: number;
	readonly stops: number;
	readonly messages: number;
	/** How often a lock reported a dead owner, or a message of a killed receiver came again. Other recoveries cannot be seen. */
	readonly recoveries: number;
	readonly failures: readonly string[];
}

const isReader = (role: Role | undefined): boolean => role === "receiver" || role === "observer";

/** A participant at this moment. */
interface Current {
	/** The instance that it is now. */
	instance: Instance;
	/** The process, or the `unshare` that started it in its namespaces and ends with it. */
	readonly process: Bun.Subprocess;
	readonly isInNamespace: boolean;
}

class Experiment implements AsyncDisposable {
	readonly #plan: Plan;
	readonly #prefix: string;
	readonly #control: ControlBlock;
	readonly #instances: Instance[] = [];
	readonly #current: Current[] = [];
	readonly failures: string[] = [];
	kills = 0;
	execs = 0;
	stops = 0;
	recoveries = 0;

	constructor(plan: Plan, prefix: string) {
		this.#plan = plan;
		this.#prefix = prefix;
		this.#control = new ControlBlock(prefix);
	}

	/** The next instance of a participant, before it runs. */
	#prepare(participant: number): Instance {
		const number = this.#instances.length;
		if (number >= MAX_INSTANCES) throw new Error("the plan needs more instances than the control block has room for");
		const role = this.#plan.roles[participant] ?? "user";
		const log = new OperationLog(this.#prefix, number);
		const readersBefore = this.#instances.filter(({ role, log }) => isReader(role) && log.ready);
		const instance: Instance = { number, role, log, readersBefore, killed: false };
		this.#instances.push(instance);
		this.#control.setInstance(participant, number);
		return instance;
	}

	#spawn(participant: number): void {
		const instance = this.#prepare(participant);
		const program = new URL("participant.process.ts", import.meta.url).pathname;
		const namespace = commandFor(this.#plan.namespaces[participant] ?? "none");
		const args = [this.#prefix, `${this.#plan.seed}`, `${participant}`];
		const process_ = Bun.spawn([...namespace, process.execPath, program, ...args], {
			stdin: "ignore",
			stdout: "inherit",
			stderr: "pipe",
			onExit: (_, code, signal) => {
				const { number, role, killed } = current.instance;
				if (killed || code === 0) return;
				this.failures.push(`instance ${number} (${role}) ended with ${signal ?? code}`);
			},
		});
		void new Response(process_.stderr).text().then((output) => {
			const text = withoutNoise(output).trim();
			if (text) this.failures.push(text);
		});
		const current: Current = { instance, process: process_, isInNamespace: namespace.length > 0 };
		this.#current[participant] = current;
	}

	/** Sends a signal to the process itself, which `unshare` may not have started yet. Returns whether it got the signal. */
	async #signal({ process: started, isInNamespace }: Current, signal: NodeJS.Signals): Promise<boolean> {
		if (!isInNamespace) {
			started.kill(signal);
			return started.exitCode === null;
		}
		const isFound = (): boolean => started.exitCode !== null || programOf(started.pid) !== undefined;
		if (!(await this.#until("the start of a process in its namespaces", isFound))) return false;
		const program = programOf(started.pid);
		if (program !== undefined) process.kill(program, signal);
		return program !== undefined;
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

	async #inject({ participant, strike, stopMs }: Fault): Promise<void> {
		const target = this.#current[participant] as Current;
		const hasEnded = (): boolean => target.process.exitCode !== null;
		if (hasEnded()) return;
		const { instance } = target;
		if (strike === "stop") {
			if (await this.#signal(target, "SIGSTOP")) this.stops++;
			await Bun.sleep(stopMs);
			await this.#signal(target, "SIGCONT");
			return;
		}
		if (strike === "exec") {
			// Before that, the signal would end it.
			if (!(await this.#until("the start of an instance", () => instance.log.replaceable || hasEnded()))) return;
			if (hasEnded()) return;
			this.execs++;
		} else this.kills++;
		instance.killed = true;
		this.#control.setDead(instance.number);
		if (strike === "exec") {
			// From here on, the process is this instance. It may also end before the signal arrives.
			const next = this.#prepare(participant);
			target.instance = next;
			await this.#signal(target, EXEC_SIGNAL);
			if (!(await this.#until("the start of a new image", () => next.log.replaceable || hasEnded()))) return;
			return;
		}
		await this.#signal(target, "SIGKILL");
		await target.process.exited;
		// A route has one sender at a time. The last one has ended.
		this.#spawn(participant);
	}

	#exited(...roles: readonly Role[]): boolean {
		return this.#current.every(
			({ instance, process: each }) => !roles.includes(instance.role) || each.exitCode !== null,
		);
	}

	/**
	 * Whether all participants have made progress since this call: a killed or replaced process holds up no other one for long.
	 * One receiver of a queue may take all messages.
	 */
	#progress(): () => boolean {
		const marks = this.#current.map(({ instance: { log } }) => ({ log, length: log.length }));
		const hasProgress = (participant: number): boolean => {
			const mark = marks[participant];
			return mark === undefined || mark.log.length > mark.length;
		};
		const { roles, kind } = this.#plan;
		return () => {
			// Senders and users of locks also end when their logs are full.
			const running = [...roles.keys()].filter((index) => this.#current[index]?.process.exitCode === null);
			const receivers = running.filter((index) => isReader(roles[index]));
			const others = running.filter((index) => !isReader(roles[index]));
			if (others.length === 0) return true;
			const haveReceived = kind === "queue" ? receivers.some(hasProgress) : receivers.every(hasProgress);
			return others.every(hasProgress) && (receivers.length === 0 || haveReceived);
		};
	}

	async run(): Promise<void> {
		const { roles, faults, duration, kind } = this.#plan;
		// A queue and its messages go when its last endpoint closes, and all participants may be dead at the same time.
		using _open = kind === "queue" ? topicOf(this.#plan, this.#prefix).sender() : undefined;
		using _dead =
			kind === "queue"
				? Queue.sender(DEAD_LETTERS, { prefix: this.#prefix, capacity: this.#plan.capacity })
				: undefined;
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
		if (!(await this.#until("progress of all after the last fault", this.#progress()))) return;
		await Bun.sleep(Math.max(0, duration - (performance.now() - started)));
		this.#control.phase = "ending";
		if (!(await this.#until("the end of the senders", () => this.#exited("sender", "user")))) return;
		this.#control.phase = "reading";
		if (!(await this.#until("the end of the receivers", () => this.#exited("receiver", "observer")))) return;
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
		for (const { process: each } of this.#current) {
			if (each?.exitCode !== null) continue;
			// If it ends at this moment, there is no such process.
			const program = programOf(each.pid);
			if (program === undefined) each.kill("SIGKILL");
			else process.kill(program, "SIGKILL");
		}
		for (const { process: each } of this.#current) await each?.exited;
		for (const { log } of this.#instances) log[Symbol.dispose]();
		this.#control[Symbol.dispose]();
	}
}

/** Runs the experiment of a plan. */
export async function runExperiment(plan: Plan, prefix: string): Promise<Outcome> {
	await using experiment = new Experiment(plan, prefix);
	await experiment.run();
	const { kills, execs, stops, messages, recoveries, failures } = experiment;
	return { kills, execs, stops, messages, recoveries, failures };
}
