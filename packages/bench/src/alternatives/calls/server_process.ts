import { BunProgram } from "../../launcher/bun_program.ts";

export interface ServerProcessOptions {
	/** File name of the server's program in this folder. */
	readonly program: string;
	readonly args?: readonly string[];
	readonly signal?: AbortSignal | undefined;
}

/** A process of Bun that answers calls. It says that it is ready by a report; nothing else travels over Bun's `ipc`. */
export type ServerProcess = BunProgram<never, "ready">;

export async function startServer({ program, args, signal }: ServerProcessOptions): Promise<ServerProcess> {
	const server: ServerProcess = new BunProgram({
		name: program,
		program: new URL(program, import.meta.url),
		signal,
		...(args && { args }),
	});
	try {
		await server.report();
		return server;
	} catch (error) {
		await server[Symbol.asyncDispose]();
		throw error;
	}
}
