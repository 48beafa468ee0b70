import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Assignment } from "@libipc/bench/bench_ipc/participant";
import type { EndpointOrder, EndpointProgram, EndpointReport } from "@libipc/bench/launcher/endpoint_group";
import { Mailbox } from "@libipc/bench/launcher/mailbox";
import type { OrderMessage, ReportMessage } from "@libipc/bench/launcher/program";
import { thisProgram } from "../this_program.ts";

/** The internal command that is one end of a row. */
export const PARTICIPANT = "bench-participant";

/** How long a process may take to end after it has been asked to. */
const END_TIMEOUT_MS = 2000;

/** One end of a row, in a process of the same runtime. Orders and reports travel as JSON. */
export class ParticipantProgram implements EndpointProgram<Assignment> {
	readonly #child: ChildProcess;
	readonly #mailbox = new Mailbox<EndpointReport>();
	readonly #ended: Promise<unknown>;

	/** @param name - For messages: "receiver 2". */
	constructor(name: string, signal: AbortSignal) {
		signal.throwIfAborted();
		const [binary = "", ...args] = thisProgram();
		this.#child = spawn(binary, [...args, PARTICIPANT], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
		this.#child.on("message", (message: ReportMessage<EndpointReport>) => {
			if ("report" in message) this.#mailbox.push(message.report);
			else this.#mailbox.fail(new Error(`${name} failed: ${message.error}`));
		});
		const abort = (): void => {
			this.#child.kill("SIGKILL");
			this.#mailbox.fail(signal.reason);
		};
		signal.addEventListener("abort", abort, { once: true });
		this.#ended = once(this.#child, "exit").then(([status, killed]) => {
			signal.removeEventListener("abort", abort);
			this.#mailbox.fail(new Error(`${name} (process ${this.#child.pid}) ended with ${killed ?? `status ${status}`}`));
		});
	}

	get failure(): Promise<never> {
		return this.#mailbox.failure;
	}

	send(order: EndpointOrder<Assignment>): void {
		if (this.#child.connected) this.#child.send({ order } satisfies OrderMessage<EndpointOrder<Assignment>>);
	}

	report(): Promise<EndpointReport> {
		return this.#mailbox.take();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#child.connected) this.#child.disconnect();
		const overdue = setTimeout(() => this.#child.kill("SIGKILL"), END_TIMEOUT_MS);
		await this.#ended;
		clearTimeout(overdue);
	}
}
