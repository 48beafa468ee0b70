import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import { ChildLifetime } from "./child_lifetime.ts";
import { Mailbox } from "./mailbox.ts";

export interface NativeProgramOptions {
	/** A program of `native/bench`: "baseline". */
	readonly program: string;
	readonly args: readonly (string | number)[];
	readonly signal: AbortSignal;
}

/** A C program of `native/bench`. It measures when it starts, or for each line of its input, and prints nanoseconds. */
export class NativeProgram implements AsyncDisposable {
	readonly #child: Subprocess<"pipe", "pipe", "inherit">;
	readonly #mailbox = new Mailbox<string>();
	readonly #lifetime: ChildLifetime;
	/** All that it prints: resolves at its end. */
	readonly #output: Promise<string>;
	/** It waits for the next line of its input, whose end then ends it. */
	#isIdle = false;

	constructor({ program, args, signal }: NativeProgramOptions) {
		signal.throwIfAborted();
		const path = fileURLToPath(new URL(`../../../../native/build/${program}`, import.meta.url));
		const words = args.map(String);
		this.#child = Bun.spawn([path, ...words], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
		// SIGTERM: these programs end their own children.
		this.#lifetime = new ChildLifetime(this.#child, {
			name: [program, ...words.slice(0, 2)].join(" "),
			signal,
			killSignal: "SIGTERM",
			onFailure: (cause) => this.#mailbox.fail(cause),
		});
		this.#output = this.#read();
	}

	/** Starts a round and waits for its result. */
	async round(): Promise<number> {
		this.#isIdle = false;
		this.#child.stdin.write("\n");
		this.#child.stdin.flush();
		const nanoseconds = Number(await this.#mailbox.take());
		this.#isIdle = true;
		return nanoseconds;
	}

	/** The numbers that the program prints until it ends. Rejects if it fails. */
	async output(): Promise<Float64Array> {
		const text = await this.#output;
		if ((await this.#child.exited) !== 0) await this.#mailbox.failure;
		return Float64Array.from(text.trimEnd().split("\n"), Number);
	}

	async #read(): Promise<string> {
		const decoder = new TextDecoder();
		let all = "";
		let line = "";
		for await (const chunk of this.#child.stdout) {
			const text = decoder.decode(chunk, { stream: true });
			all += text;
			const lines = (line + text).split("\n");
			line = lines.pop() ?? "";
			for (const each of lines) this.#mailbox.push(each);
		}
		return all;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#lifetime.end(this.#isIdle ? () => this.#child.stdin.end() : undefined);
	}
}
