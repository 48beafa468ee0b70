/**
 * Runs a command: with a time limit, with its output, and so that nothing of it outlives this process.
 *
 * Each command leads a session of its own, and thereby a process group. When its time is over, or when this process is
 * interrupted, every process of the session is ended and the segments that they have named are removed. Commands may use
 * this module too: an interrupted command gets SIGTERM first, and time to end its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { ancestorsOf, descendantsOf, endSessions, kill, killGroup, ownSession, terminate } from "./process_tree.ts";
import { removeSegmentsOf } from "./segments.ts";

export interface RunOptions {
	/** The working directory. @defaultValue that of this process */
	readonly cwd?: string;
	/** Added to the environment of this process; `undefined` removes a variable. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** What the command reads as its standard input. @defaultValue nothing */
	readonly input?: string;
	/** The command is ended after so many milliseconds. @defaultValue no limit */
	readonly timeout?: number;
	/** Ends the command when it is aborted. */
	readonly signal?: AbortSignal;
	/** Whether the command prints to the terminal itself. `output` is empty then. @defaultValue false */
	readonly show?: boolean;
	/** Gets each piece of output when it comes, from standard output and standard error. */
	readonly onOutput?: (text: string) => void;
	/** Gets each whole line of standard output when it comes. */
	readonly onLine?: (line: string) => void;
	/** Whether standard error goes to the terminal instead of into `output`. @defaultValue false */
	readonly showErrors?: boolean;
}

export interface Outcome {
	/** The exit status; 1 if the command was ended by a signal, or could not be started. */
	readonly status: number;
	/** Standard output and standard error as they came, and a last line if the command could not be started or was ended. */
	readonly output: string;
	readonly milliseconds: number;
}

/** How long a command has to end what it started, after an interruption. */
const GRACE_MS = 5000;

const running = new Set<ChildProcess>();
/** Of every command: tests name their segments after the process that made them. */
const started = new Set<number>();

let interrupted = false;

const isOver = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Calls `line` with each whole line of the pieces that it gets. */
function splitLines(line: (text: string) => void): { take(text: string): void; end(): void } {
	let rest = "";
	return {
		take(text) {
			const lines = (rest + text).split("\n");
			rest = lines.pop() ?? "";
			for (const each of lines) line(each);
		},
		end() {
			if (rest !== "") line(rest);
		},
	};
}

function environment(changes: RunOptions["env"] = {}): NodeJS.ProcessEnv {
	const entries = Object.entries({ ...process.env, ...changes });
	return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Ends a command with everything that it has started. */
async function endCommand(child: ChildProcess): Promise<void> {
	const { pid } = child;
	if (pid === undefined) return;
	const below = descendantsOf(pid);
	await endSessions(new Set([pid, ...below.map(({ session }) => session)]));
	removeSegmentsOf([pid, ...below.map((entry) => entry.pid)]);
}

/** Runs a command to its end. It never throws: a command that cannot be started has status 1 and says why. */
export function run([program = "", ...args]: readonly string[], options: RunOptions = {}): Promise<Outcome> {
	endOnInterrupt();
	const begun = performance.now();
	const { input, timeout, signal: abort, show = false, onOutput, onLine, showErrors = false } = options;
	if (interrupted) return new Promise(() => {});
	return new Promise((resolve) => {
		const errors = show || showErrors ? "inherit" : "pipe";
		const child = spawn(program, args, {
			cwd: options.cwd,
			env: environment(options.env),
			stdio: [input === undefined ? "ignore" : "pipe", show ? "inherit" : "pipe", errors],
			detached: true,
		});
		running.add(child);
		if (child.pid !== undefined) started.add(child.pid);
		let output = "";
		const add = (text: string): void => {
			output += text;
			onOutput?.(text);
		};
		const lines = onLine && splitLines(onLine);
		child.stdout?.setEncoding("utf8").on("data", (text: string) => {
			add(text);
			lines?.take(text);
		});
		child.stderr?.setEncoding("utf8").on("data", add);
		child.stdin?.on("error", () => {}); // it ended before it read everything
		child.stdin?.end(input);
		let ending: Promise<void> | undefined;
		const timer =
			timeout === undefined
				? undefined
				: setTimeout(() => {
						add(`\nended: it took more than ${timeout / 1000} s\n`);
						ending = endCommand(child);
					}, timeout);
		const end = (): void => {
			ending ??= endCommand(child);
		};
		abort?.addEventListener("abort", end);
		if (abort?.aborted) end();
		const finish = async (status: number): Promise<void> => {
			clearTimeout(timer);
			abort?.removeEventListener("abort", end);
			await ending;
			lines?.end();
			running.delete(child);
			// After an interruption the caller must not go on: this process is about to end.
			if (!interrupted) resolve({ status, output, milliseconds: performance.now() - begun });
		};
		// What the command has left running would keep its output open.
		child.on("exit", () => child.pid !== undefined && killGroup(child.pid));
		child.on("error", (error) => {
			add(`${error.message}\n`);
			void finish(1);
		});
		child.on("close", (status, signal) => {
			if (signal && !ending) add(`\n${program} was ended by ${signal}\n`);
			void finish(status ?? 1);
		});
	});
}

/** Runs a command that must succeed, and returns its output; throws its output if it fails. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
	const { status, output } = await run(command, options);
	if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${output}`);
	return output;
}

/** Ends every command, removes their segments, and this process with the status of the signal. */
async function interrupt(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): Promise<void> {
	if (interrupted) return;
	interrupted = true;
	const below = descendantsOf(process.pid);
	const commands = [...running];
	for (const { pid } of commands) if (pid !== undefined) terminate(pid);
	const deadline = performance.now() + GRACE_MS;
	while (performance.now() < deadline && !commands.every(isOver)) await new Promise((done) => setTimeout(done, 20));
	// The session of this process also has what started this process.
	const own = ownSession();
	const sessions = new Set(below.map(({ session }) => session).filter((session) => session !== own));
	for (const { pid } of commands) if (pid !== undefined) sessions.add(pid);
	const ended = await endSessions(sessions);
	// Processes that were not started by run().
	for (const { pid, session } of below) if (session === own) kill(pid);
	removeSegmentsOf([process.pid, ...started, ...ended, ...below.map(({ pid }) => pid)]);
	process.exit(128 + constants.signals[signal]);
}

const WATCH_MS = 500;
/** `npx`, `sh` and `bun run` are between this process and what has started it. */
const MOST_ANCESTORS = 4;

/**
 * `npx` and `npm` end on a signal without passing it on, so this process also ends when they are gone. Without them it watches
 * only `bun run`: a command in the background may outlive its shell.
 */
function watchAncestors(): void {
	if (process.env.npm_lifecycle_event === undefined || process.platform !== "linux") return;
	const all = ancestorsOf(process.pid);
	const npm = all.slice(0, MOST_ANCESTORS).findIndex(({ command }) => command.startsWith("npm "));
	const count = npm < 0 ? 1 : npm + 1;
	const ancestors = (): string =>
		ancestorsOf(process.pid)
			.slice(0, count)
			.map(({ pid }) => pid)
			.join(" ");
	const before = ancestors();
	setInterval(() => {
		if (ancestors() !== before) void interrupt("SIGTERM");
	}, WATCH_MS).unref();
}

let isWatching = false;

/**
 * From now on, when this process is interrupted, it ends its descendants and removes their segments. `run` calls it. A
 * command calls it itself if it starts processes in another way, or has segments.
 */
export function endOnInterrupt(): void {
	if (isWatching) return;
	isWatching = true;
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void interrupt(signal));
	watchAncestors();
}
