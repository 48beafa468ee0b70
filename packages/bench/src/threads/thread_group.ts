import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { ThreadAssignment, ThreadOrder, ThreadReport } from "./participant.worker.ts";

export type ThreadCrewOptions = Omit<ThreadAssignment, "role" | "index" | "ports" | "startLine" | "starters"> & {
	readonly receivers: number;
};

/** One round, as the receivers saw it. */
export interface ThreadRound {
	/** From the first send to the moment the last receiver had everything. */
	readonly totalNs: number;
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
}

class Member {
	readonly #worker: Worker;
	readonly #ended: Promise<void>;
	#settle: { resolve(report: ThreadReport): void; reject(reason: Error): void } | undefined;
	#next: Promise<ThreadReport>;

	constructor(assignment: ThreadAssignment, env: NodeJS.ProcessEnv) {
		this.#worker = new Worker(new URL("participant.worker.ts", import.meta.url), {
			workerData: assignment,
			transferList: [...assignment.ports],
			env,
		});
		this.#next = this.#expect();
		this.#worker.on("message", (report: ThreadReport) => this.#settle?.resolve(report));
		this.#worker.on("error", (error: Error) => this.#settle?.reject(error));
		this.#ended = new Promise((resolve) => {
			this.#worker.on("exit", (status) => {
				this.#settle?.reject(new Error(`a thread of the benchmark ended (${status})`));
				resolve();
			});
		});
	}

	#expect(): Promise<ThreadReport> {
		const next = new Promise<ThreadReport>((resolve, reject) => {
			this.#settle = { resolve, reject };
		});
		next.catch(() => {}); // it is told to whoever asks for it
		return next;
	}

	/** What it says next: that it is ready, or what a round came to. */
	async report(): Promise<ThreadReport> {
		const report = await this.#next;
		this.#next = this.#expect();
		return report;
	}

	order(order: ThreadOrder): void {
		this.#worker.postMessage(order);
	}

	async leave(): Promise<void> {
		this.order("leave");
		await this.#ended;
	}

	async kill(): Promise<void> {
		await this.#worker.terminate();
	}
}

/** The senders and receivers of a row, each in a thread: started once, then run round after round. */
export class ThreadCrew {
	readonly #receivers: Member[] = [];
	readonly #senders: Member[] = [];
	readonly #options: ThreadCrewOptions;

	private constructor(options: ThreadCrewOptions) {
		this.#options = options;
	}

	/** Starts everybody; receivers are connected before the senders open. */
	static async start(options: ThreadCrewOptions, env: NodeJS.ProcessEnv): Promise<ThreadCrew> {
		const { senders, receivers, ...shared } = options;
		const crew = new ThreadCrew(options);
		const sending = Array.from({ length: senders }, (): MessagePort[] => []);
		const receiving = Array.from({ length: receivers }, (): MessagePort[] => []);
		if (options.transport === "MessagePort")
			for (const from of sending)
				for (const to of receiving) {
					const { port1, port2 } = new MessageChannel();
					from.push(port1);
					to.push(port2);
				}
		const common = {
			...shared,
			senders,
			startLine: new Int32Array(new SharedArrayBuffer(8)),
			starters: senders + receivers,
		};
		try {
			for (const [index, ports] of receiving.entries())
				crew.#receivers.push(new Member({ ...common, role: "receiver", index, ports }, env));
			await Promise.all(crew.#receivers.map((member) => member.report()));
			for (const [index, ports] of sending.entries())
				crew.#senders.push(new Member({ ...common, role: "sender", index, ports }, env));
			await Promise.all(crew.#senders.map((member) => member.report()));
			return crew;
		} catch (error) {
			await crew.kill();
			throw error;
		}
	}

	get #members(): Member[] {
		return [...this.#receivers, ...this.#senders];
	}

	async round(): Promise<ThreadRound> {
		for (const member of this.#members) member.order("round");
		const receivers = await Promise.all(this.#receivers.map((member) => member.report()));
		const senders = await Promise.all(this.#senders.map((member) => member.report()));
		const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
		return {
			totalNs: Math.max(...receivers.map(({ atNs }) => atNs)) - Math.min(...senders.map(({ atNs }) => atNs)),
			delivered: sum(receivers.map(({ delivered }) => delivered)),
			expected: this.#options.messagesPerSender * senders.length * receivers.length,
			corrupt: sum(receivers.map(({ corrupt }) => corrupt)),
		};
	}

	async leave(): Promise<void> {
		await Promise.all(this.#members.map((member) => member.leave()));
	}

	async kill(): Promise<void> {
		await Promise.all(this.#members.map((member) => member.kill()));
	}
}
