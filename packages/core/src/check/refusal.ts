import { abi } from "@libipc/protocol";
import { confinementHint } from "./confinement.ts";
import { errnoName } from "./errno.ts";

/** What the system refused: the fields of `ipc_failure` that say it. */
export interface Refusal {
	readonly systemError: number;
	readonly found: number;
	readonly wanted: number;
	/** An `ipc_cause`; 0 or not there: the system refused nothing. */
	readonly cause?: number;
	/** What the cause is about. */
	readonly path?: string;
}

interface Explanation {
	readonly problem: string;
	readonly advice: string;
}

const { Cause } = abi;

const OTHER_DIRECTORY =
	"or set the environment variable LIBIPC_DIR to another directory, the same in all processes that share names";
const SMALLER = "Choose a smaller capacity or size, close other names, or";

const user = (): string => String(process.geteuid?.() ?? "?");

const TOO_MANY_FILES: Explanation = {
	problem: "too many files are open",
	advice: "Close some, or allow more (ulimit -n; fs.file-max for all processes).",
};

/** Of errors that mean the same whatever the call was at. */
const COMMON: Readonly<Record<string, Explanation>> = {
	EMFILE: TOO_MANY_FILES,
	ENFILE: TOO_MANY_FILES,
	EROFS: { problem: "the file system is read-only", advice: `Mount it for writing, ${OTHER_DIRECTORY}.` },
	EDQUOT: {
		problem: "the quota of this user is used up",
		advice: `Remove files there, raise the quota, ${OTHER_DIRECTORY}.`,
	},
	ENODEV: {
		problem: "the files of this file system cannot be mapped",
		advice: `Mount a tmpfs there, ${OTHER_DIRECTORY}.`,
	},
	ENOMEM: { problem: "the kernel has no memory left", advice: "End other programs, or close other names." },
};

function directory(error: string, { found, wanted }: Refusal): Explanation | undefined {
	const missing = `Create it, mount a tmpfs there, ${OTHER_DIRECTORY}.`;
	switch (error) {
		case "ENOENT":
			return { problem: "the directory for shared memory does not exist", advice: missing };
		case "ENOTDIR":
			return { problem: "the directory for shared memory is not a directory", advice: missing };
		case "EINVAL":
			return {
				problem: "LIBIPC_DIR is not an absolute path",
				advice: 'It must begin with "/", because it has to mean the same in all processes that share names.',
			};
		case "ENAMETOOLONG":
			return {
				problem:
					wanted < 1000
						? `LIBIPC_DIR has ${found} bytes, more than the ${wanted} that leave room for the name of a socket, and /proc, which would help, is not mounted`
						: `LIBIPC_DIR has ${found} bytes, more than the ${wanted} that are possible`,
				advice: "Use a directory with a shorter path, or a symbolic link with one, or mount /proc.",
			};
		case "EACCES":
		case "EPERM":
			return {
				problem: `this user (${user()}) may not use the directory for shared memory`,
				advice: `All users of the names need the right to read, write and search it (mode 1777), and to search those above it; ${OTHER_DIRECTORY}.${confinementHint()}`,
			};
	}
	return undefined;
}

function file(error: string, { cause }: Refusal): Explanation | undefined {
	const isIdentity = cause === Cause.identity;
	switch (error) {
		case "EACCES":
		case "EPERM":
			return {
				problem: isIdentity
					? `this user (${user()}) may not create files in the directory for shared memory`
					: `this user (${user()}) may not open or create the file`,
				advice: `The directory needs mode 1777, or has to be writable for all users of the names; ${OTHER_DIRECTORY}.${confinementHint()}`,
			};
		case "ENOSPC":
			return {
				problem: "there is no room for another file",
				advice: `Remove files there, enlarge the file system (size=, nr_inodes=), ${OTHER_DIRECTORY}.`,
			};
		case "ENOLCK":
		case "ENOSYS":
		case "EOPNOTSUPP":
			return {
				problem: "the file system has no locks of open files",
				advice: `Mount a tmpfs there, ${OTHER_DIRECTORY}.`,
			};
	}
	return undefined;
}

function reserve(error: string, { found, wanted }: Refusal): Explanation | undefined {
	switch (error) {
		case "ENOSPC":
			return {
				problem: `there is no shared memory left: ${wanted} bytes are needed, and ${found} are free`,
				advice: `${SMALLER} enlarge shared memory (mount -o remount,size=…; docker --shm-size), ${OTHER_DIRECTORY}.`,
			};
		case "EFBIG":
			return {
				problem: `the file system has no files as large as ${wanted} bytes`,
				advice: `Choose a smaller capacity or size, ${OTHER_DIRECTORY}.`,
			};
	}
	return undefined;
}

function map(error: string, { wanted }: Refusal): Explanation | undefined {
	switch (error) {
		case "ENOMEM":
			return {
				problem: `there is no room in the addresses of this process to map it${wanted > 0 ? `: ${wanted} bytes are needed` : ""}`,
				advice: `${SMALLER} allow more addresses (ulimit -v) or more mappings (vm.max_map_count).`,
			};
		case "EAGAIN":
			return {
				problem: "this process may not lock so much memory, and locks all that it maps (mlockall)",
				advice: `${SMALLER} allow it (ulimit -l).`,
			};
	}
	return undefined;
}

function explain(error: string, refusal: Refusal): Explanation | undefined {
	const { found, wanted } = refusal;
	switch (refusal.cause) {
		case Cause.directory:
			return directory(error, refusal);
		case Cause.identity:
		case Cause.file:
			return file(error, refusal);
		case Cause.reserve:
			return reserve(error, refusal);
		case Cause.fileSize:
			return {
				problem: `the files of this process may have ${found} bytes (ulimit -f), and ${wanted} are needed`,
				advice: "Choose a smaller capacity or size, or allow larger files.",
			};
		case Cause.memoryLimit:
			return {
				problem: `the memory limit of this process's control group leaves ${found} bytes, and ${wanted} are needed; the kernel would end a process`,
				advice: `${SMALLER} raise the limit (memory.max; docker --memory; Kubernetes resources.limits.memory).`,
			};
		case Cause.map:
			return map(error, refusal);
		case Cause.heap:
			return { problem: "this process has no memory left", advice: "Allow it more, or close other names." };
	}
	return undefined;
}

/**
 * The text of an error of the system.
 *
 * @param what - What it could not do: "open channel …".
 */
export function refusalText(what: string, refusal: Refusal): string {
	const error = errnoName(refusal.systemError);
	const { problem, advice } = explain(error, refusal) ?? COMMON[error] ?? { problem: "", advice: "" };
	const about = `(${error}${refusal.path ? `: ${refusal.path}` : ""})`;
	return problem === ""
		? `The system could not ${what} ${about}.`
		: `The system could not ${what}: ${problem} ${about}. ${advice}`;
}
