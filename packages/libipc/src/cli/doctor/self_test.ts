import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Channel, clear, IpcError, list, Mutex, monotonicNs, type Receiver, type Sender } from "libipc";
import { span, whole } from "../format.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { PEER, type PeerOrder, peerOrders } from "./peer.ts";

/** Longer than any step takes, also on a busy machine. Milliseconds. */
const PATIENCE = { timeout: 10_000 } as const;
/** How long messages are sent, for each of the two measurements. */
const MEASURED_MS = 150;
/** Without a signal, an event loop notices a message at its poll, every 0.7 s. */
const LATE_MS = 500;
/** Within this time a death must be noticed; a busy machine needs more. */
const NOTICED_MS = 3000;

const give = (step: string): never => {
	throw new Error(`${step} took more than ${span(PATIENCE.timeout / 1000)}`);
};

/** This process, and a second one that answers. */
class Pair {
	readonly prefix = `libipc-doctor-${process.pid}`;
	readonly child: ChildProcess;
	readonly #orders: Sender;
	readonly #answers: Receiver;
	#lock: Mutex | undefined;

	constructor(program: readonly string[]) {
		this.#answers = Channel.receiver("answers", { prefix: this.prefix });
		this.#orders = Channel.sender("orders", { prefix: this.prefix });
		const [binary = "", ...args] = program;
		this.child = spawn(binary, [...args, PEER, this.prefix], { stdio: ["ignore", "ignore", "pipe"] });
	}

	order(order: PeerOrder): void {
		this.#orders.send(Uint8Array.of(peerOrders.indexOf(order)), PATIENCE);
	}

	answer(step: string): Uint8Array {
		return this.#answers.recv(PATIENCE) ?? give(step);
	}

	/** The child has opened both names. It has an event loop meanwhile, so that an end of the child is noticed. */
	async meet(): Promise<void> {
		const ended = once(this.child, "exit").then(([status]) => {
			throw new Error(`the second process ended with status ${status}`);
		});
		ended.catch(() => {});
		const met = this.#orders.receiversReady(1, PATIENCE);
		if (!(await Promise.race([met, ended]))) give("the start of a second process");
	}

	/** The version of the layout of shared memory, as the library of this process makes it. */
	layout(): number {
		return list({ prefix: this.prefix })[0]?.layoutVersion ?? 0;
	}

	/** Microseconds from a message to its answer, the median. */
	roundTrip(): number {
		const times: number[] = [];
		for (const end = performance.now() + MEASURED_MS; performance.now() < end; ) {
			const started = performance.now();
			this.order("echo");
			this.answer("an answer");
			times.push((performance.now() - started) * 1000);
		}
		return times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
	}

	/** Messages of 64 bytes in a second. */
	throughput(): number {
		const message = new Uint8Array(64).fill(peerOrders.indexOf("count"));
		const started = performance.now();
		let sent = 0;
		while (performance.now() - started < MEASURED_MS)
			for (let i = 0; i < 64; i++, sent++) if (!this.#orders.send(message, PATIENCE)) give("a message");
		this.order("counted");
		const counted = new Float64Array(this.answer("all messages").slice().buffer)[0];
		if (counted !== sent) throw new Error(`of ${sent} messages, ${counted} arrived`);
		return (sent / (performance.now() - started)) * 1000;
	}

	/** Milliseconds from a message to the event loop that it wakes. */
	async wake(): Promise<number> {
		const message = this.#answers.recvAsync(PATIENCE);
		this.order("later");
		const bytes = (await message) ?? give("the signal of an event loop");
		const [sent = 0] = new Float64Array(bytes.slice().buffer);
		return (monotonicNs() - sent) / 1e6;
	}

	/** Milliseconds from the kill of the owner of a lock until this process has it, and knows that its owner was killed. */
	async takeOver(): Promise<number> {
		this.#lock = Mutex.open("lock", { prefix: this.prefix });
		this.order("lock");
		this.answer("the lock");
		const started = performance.now();
		this.child.kill("SIGKILL");
		if (!(await this.#lock.lockAsync(PATIENCE))) give("the lock of a killed process");
		if (!this.#lock.ownerDied) throw new Error("the lock does not say that its owner was killed");
		this.#lock.unlock();
		return performance.now() - started;
	}

	close(): void {
		this.child.kill("SIGKILL");
		this.#answers.close();
		this.#orders.close();
		this.#lock?.close();
		clear({ prefix: this.prefix });
	}
}

/**
 * Sends messages to a second process and back, lets it signal an event loop, and kills it while it holds a lock: about a second.
 *
 * @param program - Starts `libipc` again.
 */
export async function selfTest(program: readonly string[]): Promise<Finding[]> {
	let pair: Pair | undefined;
	try {
		pair = new Pair(program);
		await pair.meet();
		const layout = pair.layout();
		const roundTrip = pair.roundTrip();
		const perSecond = pair.throughput();
		const wake = await pair.wake();
		const takeOver = await pair.takeOver();
		return [
			ok("layout", `version ${layout}: a process with another one is refused`),
			ok("messages", `${Math.round(roundTrip)} µs from a message to its answer, ${whole(perSecond)} messages a second`),
			wake < LATE_MS
				? ok("event loop", `signalled after ${span(wake / 1000)}`)
				: warning(
						"event loop",
						`noticed a message after ${span(wake / 1000)}`,
						`Signals are lost: a sandbox forbids sockets with files, or ${pair.prefix} has no room for files. If the machine is busy, try again.`,
					),
			takeOver < NOTICED_MS
				? ok("killed process", `its lock was free after ${span(takeOver / 1000)}`)
				: warning(
						"killed process",
						`its lock was free after ${span(takeOver / 1000)}`,
						"The machine is busy: try again.",
					),
		];
	} catch (error) {
		const code = error instanceof IpcError ? ` (${error.code})` : "";
		const text = error instanceof Error ? error.message : String(error);
		return [problem("self-test", `two processes cannot exchange messages${code}`, text)];
	} finally {
		pair?.close();
	}
}
