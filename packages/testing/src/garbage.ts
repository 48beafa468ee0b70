import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The part of the global object of Bun that is used here. */
interface BunGlobal {
	readonly Bun?: { gc(isSynchronous: boolean): void };
}

function collector(): () => void {
	const { Bun } = globalThis as BunGlobal;
	if (Bun) return () => Bun.gc(true);
	setFlagsFromString("--expose-gc");
	return runInNewContext("gc") as () => void;
}

/** Collects garbage now. What the stack still seems to refer to may be left for some time. */
export const collectGarbage: () => void = collector();
