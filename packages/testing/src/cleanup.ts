/**
 * Removes what a test process leaves behind: child processes and segments. A test process can end at any moment (Ctrl-C,
 * SIGTERM, SIGKILL, a crash) and may be blocked in a system call then, so handlers in the process itself are not enough. A
 * small `sh` process waits for its end instead: the pipe between them closes when the test process ends, however it ends.
 * Which processes and prefixes to clean up is in a file, because a file is complete even if its writer dies.
 */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { filesOf } from "./segment_files.ts";
import { thisRuntime } from "./this_runtime.ts";

const REGISTRY = `${tmpdir()}/libipc-test.${process.pid}.${Date.now()}`;
const CLEANER = fileURLToPath(
	new URL(`remove_leftovers.${import.meta.url.endsWith(".js") ? "js" : "ts"}`, import.meta.url),
);

/**
 * Ctrl-C reaches the whole process group, and a runner may kill the group: this process ignores the signals and is in a
 * separate group. `read` ends when the pipe closes.
 */
const WATCH = `trap "" INT TERM HUP; read -r nothing; [ -e "$0" ] && exec "$@" "$0"`;

const prefixes = new Set<string>();
const processes = new Set<number>();
let isWatched = false;

/** Removes all names of a prefix, and of longer ones, when this process ends. */
export function cleanUpPrefix(prefix: string): void {
	prefixes.add(prefix);
	register();
}

/** Kills a process when this one ends, unless it is released before. */
export function killAtEnd(pid: number): () => void {
	processes.add(pid);
	register();
	return () => {
		processes.delete(pid);
		register();
	};
}

function register(): void {
	// The threads of this process end with it, and have no files that the main thread does not know.
	if (!isMainThread) return;
	writeFileSync(REGISTRY, JSON.stringify({ processes: [...processes], prefixes: [...prefixes] }));
	if (isWatched) return;
	isWatched = true;
	const watcher = spawn("sh", ["-c", WATCH, REGISTRY, ...thisRuntime, CLEANER], {
		stdio: ["pipe", "ignore", "inherit"],
		detached: true,
	});
	watcher.unref();
	(watcher.stdin as unknown as { unref?: () => void }).unref?.();
	process.on("exit", () => {
		// A process that ends as it should has nothing left, and the watcher nothing to do.
		if (processes.size === 0 && [...prefixes].every((prefix) => filesOf(prefix).length === 0))
			rmSync(REGISTRY, { force: true });
	});
}
