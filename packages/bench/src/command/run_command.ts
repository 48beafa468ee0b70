import { Interrupted } from "../launcher/child_lifetime.ts";

/**
 * Runs a benchmark and exits with the status that `main` answers; an error is printed, and the status is 1. Ctrl-C, SIGTERM
 * and the end of the terminal abort the signal: `main` then ends its programs and removes their segments, and the status is
 * 130.
 */
export async function runCommand(main: (signal: AbortSignal) => Promise<number>): Promise<never> {
	const controller = new AbortController();
	const interrupt = () => controller.abort(new Interrupted("interrupted"));
	for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, interrupt);
	try {
		process.exit(await main(controller.signal));
	} catch (error) {
		if (controller.signal.aborted || error instanceof Interrupted) process.exit(130);
		console.error(error);
		process.exit(1);
	}
}

/** The last line of `--help`. */
export const EXIT_STATUS =
	"Exit status: 0 every message or count was right; 1 a wrong one, or an error; 2 wrong arguments; 130 interrupted.";
