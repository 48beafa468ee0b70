import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import { ChildLifetime } from "./child_lifetime.ts";
import { Mailbox } from "./mailbox.ts";
import type { OrderMessage, Program, ProgramOptions, ReportMessage } from "./program.ts";

export interface BunProgramOptions<Stdin extends "pipe" | "ignore" = "ignore"> extends ProgramOptions {
	readonly stdin?: Stdin;
	/** How Bun writes what `ipc` carries: "advanced" if it is left out. */
	readonly serialization?: "advanced" | "json";
}

/** A TypeScript program in a process of Bun. Orders and reports travel over Bun's `ipc`. */
export class BunProgram<Order, Report, Stdin extends "pipe" | "ignore" = "ignore"> implements Program<Order, Report> {
	readonly child: Subprocess<Stdin, "inherit", "inherit">;
	readonly #mailbox = new Mailbox<Report>();
	readonly #lifetime: ChildLifetime;
	readonly #isRaw: boolean;

	constructor({
		name,
		program,
		args = [],
		signal,
		isRaw = false,
		stdin,
		serialization = "advanced",
	}: BunProgramOptions<Stdin>) {
		signal?.throwIfAborted();
		this.#isRaw = isRaw;
		this.child = Bun.spawn([process.execPath, fileURLToPath(program), ...args], {
			stdin: stdin ?? ("ignore" as Stdin),
			stdout: "inherit",
			stderr: "inherit",
			serialization,
			ipc: (message: ReportMessage<Report>) => {
				if ("report" in message) this.#mailbox.push(message.report);
				else this.#mailbox.fail(new Error(`${name} failed: ${message.error}`));
			},
		});
		this.#lifetime = new ChildLifetime(this.child, {
			name,
			signal,
			killSignal: "SIGKILL",
			onFailure: (cause) => this.#mailbox.fail(cause),
		});
	}

	get failure(): Promise<never> {
		return this.#mailbox.failure;
	}

	send(order: Order): void {
		// A program that has ended says why in its next report.
		if (this.child.exitCode === null && this.child.signalCode === null)
			this.child.send({ order } satisfies OrderMessage<Order>);
	}

	report(): Promise<Report> {
		return this.#mailbox.take();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#lifetime.end(this.#isRaw ? undefined : () => this.child.disconnect());
	}
}
