import type { Assignment, Order, Report, RoundReport } from "./participant.ts";

export type Transport = "process" | "worker";

/** What a row consists of, and what its messages are. */
export interface CrewOptions extends Omit<Assignment, "role" | "index"> {
	readonly transport: Transport;
}

/** One round, as the receivers saw it. */
export interface Round {
	/** From the first send to the moment the last receiver had everything. */
	readonly totalNs: number;
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
}

/** A participant as its crew sees it. */
interface Member {
	order(order: Order): void;
	/** The next report; rejects when the participant has ended instead. */
	report(): Promise<Exclude<Report, { error: string }>>;
	kill(): void;
	readonly ended: Promise<void>;
}

/** The senders and receivers of a row: started once, then run round after round. */
export class Crew implements AsyncDisposable {
	readonly #receivers: Member[] = [];
	readonly #senders: Member[] = [];
	readonly #options: CrewOptions;
	readonly #signal: AbortSignal;
	readonly #kill = (): void => {
		for (const member of this.#members) member.kill();
	};

	private constructor(options: CrewOptions, signal: AbortSignal) {
		this.#options = options;
		this.#signal = signal;
		signal.addEventListener("abort", this.#kill, { once: true });
	}

	/** Starts everybody; receivers are connected before the senders open. */
	static async start(options: CrewOptions, signal: AbortSignal): Promise<Crew> {
		signal.throwIfAborted();
		const crew = new Crew(options, signal);
		try {
			await crew.#hire("receiver", options.receivers, crew.#receivers);
			await crew.#hire("sender", options.senders, crew.#senders);
			return crew;
		} catch (error) {
			crew.#kill();
			await Promise.all(crew.#members.map(({ ended }) => ended));
			throw error;
		}
	}

	/** Runs one round and waits until every participant has reported. */
	async round(): Promise<Round> {
		for (const member of this.#members) member.order("round");
		const receivers = await Promise.all(this.#receivers.map(roundReport));
		const senders = await Promise.all(this.#senders.map(roundReport));
		const first = Math.min(...senders.map(({ atNs }) => atNs));
		const last = Math.max(...receivers.map(({ atNs }) => atNs));
		const { messagesPerSender } = this.#options;
		return {
			totalNs: last - first,
			delivered: sum(receivers.map(({ delivered }) => delivered)),
			expected: messagesPerSender * this.#senders.length * this.#receivers.length,
			corrupt: sum([...receivers, ...senders].map(({ corrupt }) => corrupt)),
		};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#signal.removeEventListener("abort", this.#kill);
		for (const member of this.#members) member.order("leave");
		await Promise.all(this.#members.map(({ ended }) => ended));
	}

	get #members(): Member[] {
		return [...this.#receivers, ...this.#senders];
	}

	async #hire(role: "sender" | "receiver", count: number, into: Member[]): Promise<void> {
		const { transport, ...shared } = this.#options;
		for (let index = 0; index < count; index++) {
			const member = transport === "process" ? startProcess() : startWorker();
			into.push(member);
			member.order({ assignment: { ...shared, role, index } });
		}
		await Promise.all(into.map((member) => member.report()));
	}
}

async function roundReport(member: Member): Promise<RoundReport> {
	const report = await member.report();
	if (report === "ready") throw new Error("a participant reported out of turn");
	return report;
}

function sum(values: number[]): number {
	return values.reduce((total, value) => total + value, 0);
}

/** Reports in the order they came, for whoever asks; an error report, or the end, is thrown to whoever waits. */
class Mailbox {
	readonly #reports: Report[] = [];
	#waiting: { resolve(report: Exclude<Report, { error: string }>): void; reject(error: Error): void } | undefined;
	#end: string | undefined;

	push(report: Report): void {
		this.#reports.push(report);
		this.#settle();
	}

	end(reason: string): void {
		this.#end = reason;
		this.#settle();
	}

	next(): Promise<Exclude<Report, { error: string }>> {
		const { promise, resolve, reject } = Promise.withResolvers<Exclude<Report, { error: string }>>();
		this.#waiting = { resolve, reject };
		this.#settle();
		return promise;
	}

	#settle(): void {
		if (!this.#waiting || (this.#reports.length === 0 && this.#end === undefined)) return;
		const { resolve, reject } = this.#waiting;
		this.#waiting = undefined;
		const report = this.#reports.shift();
		if (report === undefined) reject(new Error(this.#end));
		else if (typeof report === "object" && "error" in report)
			reject(new Error(`a participant failed: ${report.error}`));
		else resolve(report);
	}
}

function startProcess(): Member {
	const mailbox = new Mailbox();
	const child = Bun.spawn([process.execPath, new URL("participant.process.ts", import.meta.url).pathname], {
		stdin: "ignore",
		stdout: "inherit",
		stderr: "inherit",
		ipc: (report) => mailbox.push(report as Report),
	});
	const ended = child.exited.then(() =>
		mailbox.end(`process ${child.pid} of the benchmark ended (${child.signalCode ?? child.exitCode})`),
	);
	return {
		order: (order) => {
			if (child.exitCode === null && child.signalCode === null) child.send(order);
		},
		report: () => mailbox.next(),
		// SIGKILL: it may be inside a blocking call, and what it leaves behind others clean up.
		kill: () => child.kill("SIGKILL"),
		ended,
	};
}

function startWorker(): Member {
	const mailbox = new Mailbox();
	const worker = new Worker(new URL("participant.worker.ts", import.meta.url));
	const { promise: ended, resolve } = Promise.withResolvers<void>();
	worker.onmessage = (event: MessageEvent<Report>) => mailbox.push(event.data);
	worker.onerror = (event) => mailbox.end(`a Worker of the benchmark failed: ${event.message}`);
	worker.addEventListener("close", () => {
		mailbox.end("a Worker of the benchmark ended");
		resolve();
	});
	return {
		order: (order) => worker.postMessage(order),
		report: () => mailbox.next(),
		kill: () => worker.terminate(),
		ended,
	};
}
