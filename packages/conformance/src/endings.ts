import { readFileSync, statfsSync } from "node:fs";
import { type LibraryDescriptors, libraryDescriptors } from "@libipc/testing/library_descriptors";
import { DIRECTORY, mappedSegments } from "@libipc/testing/segment_files";
import { startThreadProgram } from "./start_program.ts";

/** How a Worker ends: it closes what it has open, it leaves it open and returns, exits or throws, or it is terminated. */
export const endings = ["closes", "returns", "exits", "throws", "waits", "waits in a call"] as const;

export type Ending = (typeof endings)[number];

/** Those that work in the runtime of this process: skipped.ts has the other one. */
export const possibleEndings: readonly Ending[] = endings.filter(
	(how) => !process.versions.deno || how !== "waits in a call",
);

/** Starts a Worker that has all kinds open, and waits until it has ended in that way. */
export async function endWorker(how: Ending, prefix: string, name: string): Promise<void> {
	await using worker = startThreadProgram("ending", [how, prefix, name]);
	const said = await worker.line();
	if (said !== "open") throw new Error(said);
	if (!how.startsWith("waits")) await worker.exited;
}

export interface Usage {
	/** Mappings of segments, and all mappings of this process. */
	readonly segments: number;
	readonly mappings: number;
	readonly descriptors: LibraryDescriptors;
	readonly rss: number;
	/** Bytes of the storage that are in use, by whatever process. */
	readonly storage: number;
}

/** What this process uses now. */
export function usage(): Usage {
	const { blocks, bfree, bsize } = statfsSync(DIRECTORY);
	return {
		segments: mappedSegments(),
		mappings: readFileSync("/proc/self/maps", "utf8").split("\n").length,
		descriptors: libraryDescriptors(),
		rss: process.memoryUsage().rss,
		storage: (blocks - bfree) * bsize,
	};
}
