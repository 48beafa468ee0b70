import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { killAtEnd } from "./cleanup.ts";
import type { Start } from "./running.ts";

/** How programs run in another runtime than the test does, from LIBIPC_PROGRAMS. */
interface OtherRuntime {
	readonly command: readonly string[];
	/** The folder that the sources or compiled files of the test's runtime are in, and the one of the other runtime's. */
	readonly from: string;
	readonly to: string;
	readonly extension: string;
}

const other: OtherRuntime | undefined = process.env.LIBIPC_PROGRAMS
	? (JSON.parse(process.env.LIBIPC_PROGRAMS) as OtherRuntime)
	: undefined;

const sameRuntime = process.versions.bun
	? [process.execPath]
	: [process.execPath, "--disable-warning=ExperimentalWarning"];

function commandOf(file: URL): readonly string[] {
	const path = fileURLToPath(file);
	if (!other) return [...sameRuntime, path];
	if (!path.startsWith(other.from)) throw new Error(`${path} is not in ${other.from}`);
	const inOther = other.to + path.slice(other.from.length);
	return [...other.command, inOther.replace(/\.[jt]s$/, other.extension)];
}

/** Starts a program as a process of its own. The lines are what it prints to its standard output. */
export const startProcess: Start = (file, args, { env, command }, listener) => {
	const [binary = "", ...rest] = command ? [...command, fileURLToPath(file)] : commandOf(file);
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
		ended = { status: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
		finish();
	});
	return {
		pid: pid ?? -1,
		kill: () => void child.kill("SIGKILL"),
		signal: (signal) => void child.kill(signal),
	};
};
