/** What {@link warnOnce} has warned about. Bounded, because a program may open new names as long as it runs: then it warns no more. */
const given = new Set<string>();
const MOST = 1000;

/** A stable identifier of a warning, as `code` of the warning object. */
export type WarningCode = "IPC_NAME_OF_OTHER_KIND" | "IPC_CLEARED_ALL" | "IPC_NO_SIGNALS" | "IPC_NO_ANSWER";

/** Gives a process warning (`process.on("warning", …)`; by default it is printed to stderr), once for each subject in each thread. */
export function warnOnce(code: WarningCode, about: string, text: string): void {
	const id = `${code} ${about}`;
	if (given.size >= MOST || given.has(id)) return;
	given.add(id);
	process.emitWarning(text, { type: "IpcWarning", code });
}
