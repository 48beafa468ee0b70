/** One round: the processes of a plan, what befalls them, and what is found wrong afterwards. */
import { Mutex, RwLock, Semaphore } from "@libipc/core";
import { checkLocks, checkMessages, checkQueue, type Life } from "./check.ts";
import { Field, MOST_LIVES } from "./field.ts";
import { Journal } from "./journal.ts";
import type { Blow, Plan } from "./plan.ts";
import { PERMITS, topicOf } from "./topic.ts";

/** How long after the end nobody may still be at work: recovery within a second, on a busy machine. */
const PATIENCE_MS = 20_000;

export interface Outcome {
	readonly kills: number;
	readonly stops: number;
	readonly messages: number;
	/** How often somebody was told that a lock's owner died, or got a message again that a killed one had. Others do not show. */
	readonly recoveries: number;
	readonly failures: readonly string[];
}

class Round implements AsyncDisposable {
	readonly #plan: Plan;
	readonly #prefix: string;
	readonly #field: Field;
	readonly #lives: Life[] = [];
	/** The latest life of each seat. */
	readonly #seats: { life: Life; process: Bun.Subprocess }[] = [];
	readonly failures: string[] = [];
	kills = 0;
	stops = 0;
	recoveries = 0;

	constructor(plan: Plan, prefix: string) {
		this.#plan = plan;
		this.#prefix = prefix;
		this.#field = new Field(prefix);
	}

	#spawn(seat: number): Life {
		const number = this.#lives.length;
		if (number >= MOST_LIVES) throw new Error("a plan has more lives than there is room for");
		const role = this.#plan.seats[seat] ?? "user";
		const journal = new Journal(this.#prefix, number);
		const readersBefore = this.#lives.filter((life) => life.role === "receiver" && life.journal.ready);
		const life: Life = { number, role, journal, readersBefore, killed: false };
		this.#lives.push(life);
		const program = new URL("participant.process.ts", import.meta.url).pathname;
		const args = [this.#prefix, `${this.#plan.seed}`, `${seat}`, `${number}`];
		const process_ = Bun.spawn([process.execPath, program, ...args], {
			stdin: "ignore",
			stdout: "inherit",
			stderr: "pipe",
			onExit: (_, code, signal) => {
				if (life.killed || code === 0) return;
				this.failures.push(`life ${number} (${role}) ended with ${signal ?? code}`);
			},
		});
		void new Response(process_.stderr).text().then((text) => text && this.failures.push(text.trim()));
		this.#seats[seat] = { life, process: process_ };
		return life;
	}

	async #until(what: string, holds: () => boolean): Promise<boolean> {
		const deadline = performance.now() + PATIENCE_MS;
		while (!holds()) {
			if (this.failures.length > 0) return false;
			if (performance.now() > deadline) {
				this.failures.push(`hang: ${what} not within ${PATIENCE_MS} ms`);
				return false;
			}
			await Bun.sleep(2);
		}
		return true;
	}

	async #befall({ seat, stopMs }: Blow): Promise<void> {
		const { life, process: target } = this.#seats[seat] as { life: Life; process: Bun.Subprocess };
		if (target.exitCode !== null) return;
		if (stopMs > 0) {
			this.stops++;
			target.kill("SIGSTOP");
			await Bun.sleep(stopMs);
			target.kill("SIGCONT");
			return;
		}
		this.kills++;
		life.killed = true;
		this.#field.setDead(life.number);
		target.kill("SIGKILL");
		await target.exited;
		// A route's next sender comes when the last one is gone: that is so now.
		this.#spawn(seat);
	}

	#exited(role: string): boolean {
		return this.#seats.every(({ life, process: each }) => life.role !== role || each.exitCode !== null);
	}

	async play(): Promise<void> {
		const { seats, blows, duration, kind } = this.#plan;
		// What the last to leave a queue has not received goes with it; and all may be dead at a time, or yet to start.
		using _keeper = kind === "queue" ? topicOf(this.#plan, this.#prefix).sender() : undefined;
		using semaphore =
			kind === "semaphore"
				? Semaphore.open("tried", { prefix: this.#prefix, initial: PERMITS, robust: true })
				: undefined;
		for (const [seat, role] of seats.entries()) if (role !== "sender") this.#spawn(seat);
		if (!(await this.#until("all ready", () => this.#lives.every(({ journal }) => journal.ready)))) return;
		for (const [seat, role] of seats.entries()) if (role === "sender") this.#spawn(seat);
		const began = performance.now();
		const pending: Promise<void>[] = [];
		for (const blow of blows) {
			await Bun.sleep(Math.max(0, blow.at - (performance.now() - began)));
			// One after another on a seat: who is stopped is not killed, who is killed is replaced first.
			await Promise.all(pending.filter(Boolean));
			pending.push(this.#befall(blow));
		}
		await Promise.all(pending);
		await Bun.sleep(Math.max(0, duration - (performance.now() - began)));
		this.#field.phase = "ending";
		if (!(await this.#until("senders to end", () => this.#exited("sender") && this.#exited("user")))) return;
		this.#field.phase = "reading";
		if (!(await this.#until("receivers to end", () => this.#exited("receiver")))) return;
		this.#check(semaphore);
	}

	#check(semaphore: Semaphore | undefined): void {
		const { kind, overflow } = this.#plan;
		this.recoveries = this.#field.recoveries;
		if (kind === "queue") {
			const { failures, again } = checkQueue(this.#lives);
			this.failures.push(...failures);
			this.recoveries += again;
		} else if (kind === "route" || kind === "channel") this.failures.push(...checkMessages(this.#lives, overflow));
		else if (semaphore) {
			for (let i = 0; i < PERMITS; i++)
				if (!semaphore.acquire({ timeout: PATIENCE_MS }))
					this.failures.push(`permit ${i} of ${PERMITS} never came back`);
		} else {
			using lock =
				kind === "mutex"
					? Mutex.open("tried", { prefix: this.#prefix })
					: RwLock.open("tried", { prefix: this.#prefix });
			using guard = lock.acquire({ timeout: PATIENCE_MS });
			if (!guard) this.failures.push("the lock was never free again");
			this.failures.push(...checkLocks(this.#lives, this.#field.pair));
		}
	}

	get messages(): number {
		return this.#lives.reduce((sum, { role, journal }) => sum + (role === "sender" ? 0 : journal.length), 0);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const { process: each } of this.#seats) if (each?.exitCode === null) each.kill("SIGKILL");
		for (const { process: each } of this.#seats) await each?.exited;
		for (const { journal } of this.#lives) journal[Symbol.dispose]();
		this.#field[Symbol.dispose]();
	}
}

/** Plays a plan and answers what came of it. */
export async function playRound(plan: Plan, prefix: string): Promise<Outcome> {
	await using round = new Round(plan, prefix);
	await round.play();
	const { kills, stops, messages, recoveries, failures } = round;
	return { kills, stops, messages, recoveries, failures };
}
