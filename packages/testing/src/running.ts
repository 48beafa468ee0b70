/** What a transport reports about a program that runs. */
export interface Listener {
	line(line: string): void;
	/** It has ended. Comes once, after its last line. */
	ended(status: number, error?: unknown): void;
}

/** A program that runs, as its transport sees it. */
export interface Running {
	/** The process that it runs in; with `within`, the process of that command. */
	readonly pid: number;
	/** Ends it at once, wherever it is. */
	kill(): void;
	/** Sends a signal to its process, also to one that was started `within` a command. A thread cannot get one. */
	signal(signal: NodeJS.Signals): void;
}

export interface StartOptions {
	/** Variables that its environment has in addition to this process's. */
	readonly env?: Readonly<Record<string, string>> | undefined;
	/** For a process: the program and arguments that run a file. Without it, the runtime of this process. */
	readonly command?: readonly string[] | undefined;
	/** For a process: a command that starts the program's command, see `namespaces.ts`. */
	readonly within?: readonly string[] | undefined;
}

/** Starts the program of a file. */
export type Start = (file: URL, args: readonly string[], options: StartOptions, listener: Listener) => Running;
