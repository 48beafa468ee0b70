import { UsageError } from "./arguments.ts";

/** Ctrl-C ended a program that the command had started, before the command heard of it itself. */
export class Interrupted extends Error {}

/**
 * Runs a benchmark command: its failure is one clear line and a status; Ctrl-C aborts the signal, so that everything
 * started is ended and removed before the process goes.
 */
export async function runCommand(main: (signal: AbortSignal) => Promise<number>): Promise<never> {
	const controller = new AbortController();
	const interrupt = () => controller.abort(new Error("interrupted"));
	process.on("SIGINT", interrupt);
	process.on("SIGTERM", interrupt);
	try {
		process.exit(await main(controller.signal));
	} catch (error) {
		if (controller.signal.aborted || error instanceof Interrupted) process.exit(130);
		console.error(error instanceof UsageError ? `${error.message}; see --help` : error);
		process.exit(error instanceof UsageError ? 2 : 1);
	}
}
