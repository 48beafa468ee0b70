/** How a command ends: its exit status. `docs/cli.md` and the help of each command name them. */
export const Exit = {
	/** It did what it was asked to do. */
	fine: 0,
	/** It failed, or it found something that is wrong. */
	failed: 1,
	/** It was called in a wrong way. It did nothing. */
	usage: 2,
	/** There is no such name. */
	notFound: 3,
	/** The time that it was given is up. */
	timedOut: 4,
	/** The user or the system asked it to end before it was done: 128 + SIGINT, as shells have it. */
	interrupted: 130,
} as const;

export type ExitStatus = (typeof Exit)[keyof typeof Exit];

/** The meaning of each status, for help texts. */
export const exitMeanings: ReadonlyMap<ExitStatus, string> = new Map([
	[Exit.fine, "it did what it was asked to do"],
	[Exit.failed, "it failed; the message on standard error says why"],
	[Exit.usage, "it was called in a wrong way, and did nothing"],
	[Exit.notFound, "there is no such name"],
	[Exit.timedOut, "the time that it was given is up"],
	[Exit.interrupted, "it was interrupted before it was done"],
]);

/** Ends the command with a message and a status. The message says what was wrong and what to do. */
export class CommandFailure extends Error {
	readonly status: ExitStatus;

	constructor(message: string, status: ExitStatus = Exit.failed) {
		super(message);
		this.name = "CommandFailure";
		this.status = status;
	}
}

/** The command was called in a wrong way. */
export const usageError = (message: string): CommandFailure => new CommandFailure(message, Exit.usage);

/** There is no such name. */
export const notFound = (message: string): CommandFailure => new CommandFailure(message, Exit.notFound);
