import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import { ChildLifetime } from "./child_lifetime.ts";
import { Mailbox } from "./mailbox.ts";

export interface NodeProgramOptions {
	/** Names the program in messages. */
	readonly name: string;
	/** The path of Node. */
	readonly node: string;
	/** A TypeScript file that Node runs with its types stripped. */
	readonly program: URL;
	readonly args: readonly string[];
	readonly signal?: AbortSignal | undefined;
}

/** A program in Node that measures when it starts, and prints its result. What it has forked ends with it. */
export class NodeProgram implements AsyncDisposable {
	readonly #child: Subprocess<"ignore", "pipe", "inherit">;
	readonly #failed = new Mailbox<never>();
	readonly #lifetime: ChildLifetime;

	constructor({ name, node, program, args, signal }: NodeProgramOptions) {
		signal?.throwIfAborted();
		this.#child = Bun.spawn([node, fileURLToPath(program), ...args], {
			stdin: "ignore",
			stdout: "pipe",
			stderr: "inherit",
		});
		this.#lifetime = new ChildLifetime(this.#child, {
			name,
			signal,
			killSignal: "SIGKILL",
			onFailure: (cause) => this.#failed.fail(cause),
		});
	}

	/** All that it prints. Rejects if it fails, and with the reason of the signal when that aborts. */
	async output(): Promise<string> {
		const text = await this.#child.stdout.text();
		if ((await this.#child.exited) !== 0) await this.#failed.failure;
		return text;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#lifetime.end();
	}
}
