/**
 * A signal that is aborted when the user or the system asks this process to end (Ctrl-C, SIGTERM, SIGHUP), for commands that follow
 * something until then. A second request ends the process at once.
 */
export function untilInterrupted(): AbortSignal {
	const controller = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => controller.abort());
	return controller.signal;
}
