import { type ChildProcess, fork, type SerializationType } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Mailbox } from "./mailbox.ts";
import type { Program, ProgramOptions } from "./program.ts";

export interface ForkedProgramOptions extends ProgramOptions {
	/** How Node writes what `process.send` carries. */
	readonly serialization: SerializationType;
}

/** A TypeScript program in a process that Node has forked. It gets no orders; its reports travel by `process.send`. */
export class ForkedProgram<Report> implements Program<never, Report> {
	readonly child: ChildProcess;
	readonly #mailbox = new Mailbox<Report>();
	readonly #ended: Promise<unknown>;

	constructor({ name, program, args = [], serialization }: ForkedProgramOptions) {
		this.child = fork(fileURLToPath(program), args, { serialization });
		this.child.on("message", (message) => this.#mailbox.push((message as { report: Report }).report));
		this.#ended = once(this.child, "exit").then(([status, signal]) =>
			this.#mailbox.fail(new Error(`${name} (process ${this.child.pid}) ended with ${signal ?? `status ${status}`}`)),
		);
	}

	get failure(): Promise<never> {
		return this.#mailbox.failure;
	}

	send(): void {
		throw new Error("a forked program gets no orders");
	}

	report(): Promise<Report> {
		return this.#mailbox.take();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.child.kill("SIGKILL");
		await this.#ended;
	}
}
