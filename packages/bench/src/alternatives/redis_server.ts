import { join } from "node:path";
import type { Subprocess } from "bun";
import { ChildLifetime } from "../launcher/child_lifetime.ts";
import { Mailbox } from "../launcher/mailbox.ts";
import type { Availability } from "./alternative.ts";
import { TemporaryDirectory } from "./temporary_directory.ts";

/**
 * The path of redis-server.
 * @param path the folders to look in, as in the environment variable PATH
 * @throws Error if there is none, with one line for the reader of the table
 */
export function findRedisServer(path = process.env.PATH ?? ""): string {
	const program = Bun.which("redis-server", { PATH: path });
	if (program === null)
		throw new Error("redis is left out: there is no redis-server in PATH (Debian: apt-get install redis-server)");
	return program;
}

/** Whether this machine has a redis-server, or why redis is not measured. */
export async function redisAvailability(): Promise<Availability> {
	try {
		findRedisServer();
		return { available: true };
	} catch (error) {
		return { available: false, reason: (error as Error).message };
	}
}

/** A redis server that only this process and its children use: no port, no file but a socket in a temporary directory. */
export class RedisServer implements AsyncDisposable {
	readonly #directory = new TemporaryDirectory();
	readonly #child: Subprocess<"ignore", "pipe", "inherit">;
	readonly #lifetime: ChildLifetime;
	readonly #failed = new Mailbox<never>();
	readonly #listens = Promise.withResolvers<void>();
	#log = "";

	/** @param program the path of redis-server */
	constructor(program: string, signal?: AbortSignal) {
		const { path } = this.#directory;
		const options = [
			...["--port", "0", "--unixsocket", this.#socket, "--unixsocketperm", "700", "--dir", path],
			...["--save", "", "--appendonly", "no"],
			// Otherwise the server ends the connection of a subscriber that is 32 MB behind, and its messages are lost.
			...["--client-output-buffer-limit", "pubsub", "0", "0", "0"],
		];
		this.#child = Bun.spawn([program, ...options], { cwd: path, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
		this.#lifetime = new ChildLifetime(this.#child, {
			name: "redis-server",
			signal,
			killSignal: "SIGTERM",
			onFailure: (cause) => this.#failed.fail(cause),
		});
		this.#readLog();
	}

	get #socket(): string {
		return join(this.#directory.path, "socket");
	}

	/** What a client connects to. */
	get url(): string {
		return `redis+unix://${this.#socket}`;
	}

	get pid(): number {
		return this.#child.pid;
	}

	/** Waits until clients can connect. Rejects if the server ends instead, with its log. */
	async ready(): Promise<void> {
		try {
			await Promise.race([this.#listens.promise, this.#failed.failure]);
		} catch (error) {
			if (error instanceof Error && this.#log !== "") error.message += `:\n${this.#log}`;
			throw error;
		}
	}

	async #readLog(): Promise<void> {
		const decoder = new TextDecoder();
		// To the end: a server whose log is not read would wait when the pipe is full.
		for await (const chunk of this.#child.stdout) {
			this.#log += decoder.decode(chunk, { stream: true });
			if (/ready to accept connections/i.test(this.#log)) this.#listens.resolve();
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#lifetime.end();
		this.#directory[Symbol.dispose]();
	}
}
