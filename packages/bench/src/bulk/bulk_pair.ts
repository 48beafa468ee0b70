import { type Receiver, Route } from "libipc";
import { BunProgram } from "../launcher/bun_program.ts";
import type { BulkOrder } from "./message.ts";

/** A receiver in this process, and a sender in another one. */
export class BulkPair implements AsyncDisposable {
	readonly receiver: Receiver;
	readonly #name: string;
	readonly #sender: BunProgram<BulkOrder, "done">;

	constructor(capacity: number, signal: AbortSignal) {
		signal.throwIfAborted();
		this.#name = `bulk${process.pid}.${capacity}`;
		this.receiver = Route.receiver(this.#name, { capacity });
		this.#sender = new BunProgram({
			name: `the sender to a ring of ${capacity} bytes`,
			program: new URL("sender.program.ts", import.meta.url),
			args: [this.#name, String(capacity)],
			signal,
		});
	}

	/** Has the sender send, and meanwhile receives with `receive`. */
	async run<Result>(order: BulkOrder, receive: () => Result): Promise<Result> {
		this.#sender.send(order);
		const result = receive();
		await this.#sender.report();
		return result;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#sender[Symbol.asyncDispose]();
		this.receiver.close();
		// A killed sender leaves the segment.
		Route.clear(this.#name);
	}
}
