import type { Program } from "./program.ts";

/** What a sender or a receiver reports after each round. */
export interface RoundReport {
	/** When the first send began (sender), or when the last message had come (receiver), on the machine's clock. */
	readonly atNs: number;
	/** Messages that a receiver got; 0 from a sender. */
	readonly delivered: number;
	/** Messages of a receiver that were not, to the last bit, the expected ones; messages that a sender could not send. */
	readonly corrupt: number;
}

/** One round of all programs. */
export interface RoundResult {
	/** From the first send until the last receiver had every message. */
	readonly totalNs: number;
	readonly delivered: number;
	readonly expected: number;
	readonly corrupt: number;
}

/** The first order opens an endpoint, which is reported as "ready". Each "round" then runs one round. */
export type EndpointOrder<Assignment> = Assignment | "round";
export type EndpointReport = "ready" | RoundReport;
export type EndpointProgram<Assignment> = Program<EndpointOrder<Assignment>, EndpointReport>;

export interface EndpointGroupOptions<Assignment> {
	readonly receivers: number;
	readonly senders: number;
	readonly messagesPerSender: number;
	/** Starts the program of one endpoint and sends its assignment. */
	readonly start: (role: "receiver" | "sender", index: number) => EndpointProgram<Assignment>;
}

/** The senders and receivers of a row, each in a program: started once, then run round after round. */
export class EndpointGroup<Assignment> implements AsyncDisposable {
	readonly #receivers: EndpointProgram<Assignment>[] = [];
	readonly #senders: EndpointProgram<Assignment>[] = [];
	readonly #options: EndpointGroupOptions<Assignment>;

	private constructor(options: EndpointGroupOptions<Assignment>) {
		this.#options = options;
	}

	/** Starts all programs. The receivers are connected before the senders open. */
	static async start<Assignment>(options: EndpointGroupOptions<Assignment>): Promise<EndpointGroup<Assignment>> {
		const group = new EndpointGroup(options);
		try {
			for (let i = 0; i < options.receivers; i++) group.#receivers.push(options.start("receiver", i));
			await Promise.all(group.#receivers.map((program) => program.report()));
			for (let i = 0; i < options.senders; i++) group.#senders.push(options.start("sender", i));
			await Promise.all(group.#senders.map((program) => program.report()));
			return group;
		} catch (error) {
			await group[Symbol.asyncDispose]();
			throw error;
		}
	}

	/** Runs one round and waits until every program has reported. */
	async round(): Promise<RoundResult> {
		for (const program of this.#programs) program.send("round");
		const [receivers, senders] = await Promise.all([
			Promise.all(this.#receivers.map(roundReport)),
			Promise.all(this.#senders.map(roundReport)),
		]);
		const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
		return {
			totalNs: Math.max(...receivers.map(({ atNs }) => atNs)) - Math.min(...senders.map(({ atNs }) => atNs)),
			delivered: sum(receivers.map(({ delivered }) => delivered)),
			expected: this.#options.messagesPerSender * senders.length * receivers.length,
			corrupt: sum([...receivers, ...senders].map(({ corrupt }) => corrupt)),
		};
	}

	get #programs(): EndpointProgram<Assignment>[] {
		return [...this.#receivers, ...this.#senders];
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()));
	}
}

async function roundReport(program: EndpointProgram<unknown>): Promise<RoundReport> {
	const report = await program.report();
	if (report === "ready") throw new Error("an endpoint reported that it is ready instead of the result of a round");
	return report;
}
