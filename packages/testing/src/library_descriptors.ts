import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { DIRECTORY } from "./segment_files.ts";

/** The open descriptors of this process that belong to the library. */
export interface LibraryDescriptors {
	/** Of the directory of the names, and of files in it. */
	readonly files: number;
	/** The sockets at which event loops are signalled. */
	readonly wakers: number;
	/** The sockets with which other wakers are signalled. */
	readonly signallers: number;
}

/**
 * A process keeps at most so many signallers: one for all wakers, and those that are connected to one waker each, whose places are
 * used again (native/src/platform/waker_signal.c).
 */
export const MOST_SIGNALLERS = 1 + 16;

/** The type of a datagram socket in `/proc/net/unix`. */
const DATAGRAM = "0002";

/** The Unix datagram sockets of this network namespace: `socket:[inode]`, and the path, or "". */
function datagramSockets(): Map<string, string> {
	const found = new Map<string, string>();
	for (const line of readFileSync("/proc/self/net/unix", "utf8").split("\n")) {
		const [, , , , type, , inode, path = ""] = line.trim().split(/\s+/);
		if (type === DATAGRAM) found.set(`socket:[${inode}]`, path);
	}
	return found;
}

/** What the descriptors of this process lead to. */
function targets(): string[] {
	return readdirSync("/proc/self/fd").flatMap((fd) => {
		try {
			return readlinkSync(`/proc/self/fd/${fd}`);
		} catch {
			return []; // the descriptor of the directory that was read, or one that another thread has closed
		}
	});
}

/**
 * Counts the descriptors of the library. A runtime opens and closes descriptors of its own whenever it wants to: pipes, files, and
 * stream sockets. Unix datagram sockets are the library's only.
 */
export function libraryDescriptors(): LibraryDescriptors {
	const open = targets();
	const sockets = datagramSockets();
	const paths = open.flatMap((target) => sockets.get(target) ?? []);
	const wakers = paths.filter((path) => path.includes("/libipc-wake.")).length;
	const files = open.filter((target) => target === DIRECTORY || target.startsWith(`${DIRECTORY}/`)).length;
	return { files, wakers, signallers: paths.length - wakers };
}
