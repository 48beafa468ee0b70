import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { killAtEnd } from "./cleanup.ts";
import { innermost } from "./innermost.ts";
import type { Start } from "./running.ts";
import { thisRuntime } from "./this_runtime.ts";

/** How programs run in another runtime than the test does, from LIBIPC_PROGRAMS. */
interface OtherRuntime {
	readonly command: readonly string[];
	/** The folder that the sources or compiled files of the test's runtime are in, and the one of the other runtime's. */
	readonly from: string;
	readonly to: string;
	readonly extension: string;
}

const otherRuntime: OtherRuntime | undefined = process.env.LIBIPC_PROGRAMS
	? (JSON.parse(process.env.LIBIPC_PROGRAMS) as OtherRuntime)
	: undefined;

const sameRuntime =
	process.versions.bun || process.versions.deno
		? thisRuntime
		: [...thisRuntime, "--disable-warning=ExperimentalWarning"];

/** How many programs run in this runtime and in the other one. */
const live = { same: 0, other: 0 };

/**
 * Where the next program runs. With another runtime, a single program runs in it, and of several at the same time every
 * second one: the test meets the other runtime, and so do the programs of one test.
 */
const nextPlace = (): keyof typeof live => (otherRuntime && live.other <= live.same ? "other" : "same");

function commandOf(path: string, place: keyof typeof live): readonly string[] {
	if (place === "same" || !otherRuntime) return [...sameRuntime, path];
	const { command, from, to, extension } = otherRuntime;
	if (!path.startsWith(from)) throw new Error(`${path} is not in ${from}`);
	return [...command, (to + path.slice(from.length)).replace(/\.[jt]s$/, extension)];
}

/** Starts a program as a separate process. The lines are what it prints to its standard output. */
export const startProcess: Start = (file, args, { env, command, within = [] }, listener) => {
	const place = nextPlace();
	const path = fileURLToPath(file);
	const [binary = "", ...rest] = [...within, ...(command ? [...command, path] : commandOf(path, place))];
	live[place]++;
	const child = spawn(binary, [...rest, ...args], {
		stdio: ["ignore", "pipe", "inherit"],
		env: { ...process.env, ...env },
	});
	const { pid } = child;
	const release = pid === undefined ? () => {} : killAtEnd(pid);
	let error: unknown;
	child.on("error", (reason) => {
		error = reason;
		if (pid === undefined) listener.ended(1, reason);
	});
	let ended: { readonly status: number } | undefined;
	let isRead = false;
	// Lines that are still in the pipe come before the end.
	const finish = () => {
		if (ended && isRead) listener.ended(ended.status, error);
	};
	const lines = createInterface({ input: child.stdout });
	lines.on("line", (line) => listener.line(line));
	lines.on("close", () => {
		isRead = true;
		finish();
	});
	child.on("exit", (code, signal) => {
		release();
		live[place]--;
		ended = { status: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
		finish();
	});
	// Not child.kill(): in Deno, it sends only the first signal.
	const send = (to: number | undefined, signal: NodeJS.Signals): void => {
		if (ended || to === undefined) return;
		try {
			process.kill(to, signal);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
		}
	};
	return {
		pid: pid ?? -1,
		kill: () => {
			// A program that was started in the background of the outer command does not end with it.
			const program = within.length > 0 && pid !== undefined ? innermost(pid) : pid;
			if (program !== pid) send(program, "SIGKILL");
			send(pid, "SIGKILL");
		},
		signal: (signal) => {
			send(within.length === 0 || pid === undefined ? pid : innermost(pid), signal);
		},
	};
};
