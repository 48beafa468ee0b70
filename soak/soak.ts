/**
 * Eight senders and eight asynchronous receivers in four processes, every kind and policy, 0 B to 8 MiB. Endpoints open and close
 * all the time. Content, order and what is left behind are checked.
 */
import { readdirSync } from "node:fs";
import { list, Queue } from "@libipc/core";
import { commandLine, positiveNumber, wholeNumber } from "../scripts/lib/command_line.ts";
import { endOnInterrupt } from "../scripts/lib/run.ts";
import { checksum, readMessage } from "./message.ts";
import { processes, type Report, topics } from "./topics.ts";

const { flags } = commandLine({
	name: "bun run soak",
	flags: {
		minutes: { type: positiveNumber, placeholder: "<n>", description: "How long it runs", default: 5 },
		seed: { type: wholeNumber(0), placeholder: "<n>", description: "Decides sizes and times", default: 1 },
	},
	help: {
		description:
			"Every kind and policy at once in four processes, with endpoints that open and close all the time. Content, order, memory and what is left behind are checked.",
	},
});
endOnInterrupt();
const { minutes } = flags;
const prefix = `soak${process.pid}`;

class Participant implements AsyncDisposable {
	readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
	readonly #lines: AsyncIterator<string>;

	constructor(index: number) {
		const program = new URL("participant.process.ts", import.meta.url).pathname;
		this.#process = Bun.spawn([process.execPath, program, prefix, `${index}`, `${flags.seed}`], {
			stdin: "pipe",
			stdout: "pipe",
			stderr: "inherit",
		});
		this.#lines = lines(this.#process.stdout);
	}

	async report(order?: string): Promise<Report> {
		if (order) {
			this.#process.stdin.write(`${order}\n`);
			this.#process.stdin.flush();
		}
		const { value, done } = await this.#lines.next();
		if (done) throw new Error(`a process has ended before it was stopped (${await this.#process.exited})`);
		return JSON.parse(value) as Report;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGKILL");
		await this.#process.exited;
	}
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
	let text = "";
	for await (const chunk of stream.pipeThrough(
		new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>,
	)) {
		text += chunk;
		for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
			yield text.slice(0, end);
			text = text.slice(end + 1);
		}
	}
}

const failures: string[] = [];
function check(holds: boolean, failure: string): void {
	if (!holds) failures.push(failure);
}

/** Keeps the queue while no process has it open, and takes what is left at the end. */
const rest = Queue.receiver("queue", { prefix, ...topics.queue.options });
const stack = new AsyncDisposableStack();
try {
	const all = processes.map((_, index) => stack.use(new Participant(index)));
	const order = (what?: string) => Promise.all(all.map((each) => each.report(what)));
	const first = await order();
	/** Resident memory of each process, in each quarter. */
	const memory: number[][] = [];
	for (let quarter = 0; quarter < 4; quarter++) {
		await Bun.sleep((minutes * 60_000) / 4);
		const reports = await order("report");
		memory.push(reports.map(({ rss }) => rss));
		const sum = (pick: (report: Report) => number) => reports.reduce((total, each) => total + pick(each), 0);
		console.log(
			`${quarter + 1}/4: ${sum((r) => r.sent)} sent, ${sum((r) => r.received)} received, ${sum((r) => r.endpoints)} endpoints, MiB ${reports.map(({ rss }) => rss >> 20).join(" ")}`,
		);
		if (reports.some(({ errors }) => errors.length > 0)) break;
	}
	await order("stop");
	const last = await order("drain");
	let restCount = 0;
	let restSum = 0;
	for (let message = rest.tryRecv(); message; message = rest.tryRecv()) {
		restCount++;
		if (message.byteLength === 0) continue;
		restSum += checksum(readMessage(message));
	}
	rest.close();
	const sum = (pick: (report: Report) => number) => last.reduce((total, each) => total + pick(each), 0);
	for (const [index, { errors, descriptors, threads }] of last.entries()) {
		for (const error of errors) failures.push(`process ${index}: ${error}`);
		const before = first[index];
		// A process keeps these open, however many endpoints come and go: its identity with the directory and a spare one
		// (native/src/platform/identity.c), and the sockets that signal other processes (wake_socket.c: one, and 16 connected ones).
		const kept = 3 + 1 + 16;
		check(
			descriptors <= (before?.descriptors ?? 0) + kept,
			`process ${index}: ${before?.descriptors} descriptors before, ${descriptors} after`,
		);
		check(
			threads <= (before?.threads ?? 0) + 4,
			`process ${index}: ${before?.threads} threads before, ${threads} after`,
		);
		const [, second = 0, third = 0, fourth = 0] = memory.map((each) => each[index] ?? 0);
		check(
			Math.min(third, fourth) <= second * 1.3 + (32 << 20),
			`process ${index}: its memory grows: ${memory.map((each) => (each[index] ?? 0) >> 20).join(" ")} MiB`,
		);
	}
	check(
		sum((r) => r.queueSent) === sum((r) => r.queueReceived) + restCount,
		`queue: ${sum((r) => r.queueSent)} sent, ${sum((r) => r.queueReceived)} + ${restCount} received`,
	);
	check(
		sum((r) => r.queueSentSum) === sum((r) => r.queueReceivedSum) + restSum,
		"queue: the messages received are not the messages sent",
	);
	check(sum((r) => r.sent) > 0 && sum((r) => r.received) > 0, "nothing was sent or received");
	check(
		list({ prefix }).length === 0,
		`left behind: ${list({ prefix })
			.map(({ name }) => name)
			.join(", ")}`,
	);
	console.log(
		`${sum((r) => r.sent)} sent, ${sum((r) => r.received)} received and correct, ${sum((r) => r.endpoints)} endpoints opened and closed; descriptors ${last.map(({ descriptors }) => descriptors).join(" ")}, threads ${last.map(({ threads }) => threads).join(" ")}`,
	);
} finally {
	await stack.disposeAsync();
	rest.close();
	for (const [name, { factory }] of Object.entries(topics)) factory.clear(name, { prefix });
}
const left = process.platform === "linux" ? readdirSync("/dev/shm").filter((file) => file.includes(`.${prefix}.`)) : [];
check(left.length === 0, `files left: ${left.join(", ")}`);
for (const failure of failures) console.error(failure);
console.log(failures.length === 0 ? "everything correct, nothing left" : `${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);
