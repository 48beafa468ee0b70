import { type Receiver, Route } from "@libipc/core";

/** A receiver here, and a sender in another process that sends what it is told to. */
export class BulkPair implements AsyncDisposable {
	readonly receiver: Receiver;
	readonly #sender: Bun.Subprocess<"pipe", "inherit", "inherit">;

	constructor(capacity: number) {
		const name = `bulk${process.pid}.${capacity}`;
		this.receiver = Route.receiver(name, { capacity });
		const program = new URL("sender.process.ts", import.meta.url).pathname;
		this.#sender = Bun.spawn([process.execPath, program, name, `${capacity}`], {
			stdin: "pipe",
			stdout: "inherit",
			stderr: "inherit",
		});
	}

	start(mode: "batch" | "send" | "loan", bytes: number, count: number): void {
		this.#sender.stdin.write(`${mode} ${bytes} ${count}\n`);
		this.#sender.stdin.flush();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#sender.stdin.end();
		await this.#sender.exited;
		this.receiver.close();
	}
}
