import type { EndpointKind, Engine, HandleKind } from "@libipc/protocol";
import { warnOnce } from "../warn_once.ts";
import { describe } from "./argument.ts";

/**
 * Warns, once for each name, if the name that was just opened is in use as another kind that is easily taken for this one. It is no
 * error: kinds are separate on purpose, and a program may have a channel and a queue of one name.
 */
export function warnOfOtherKind(engine: Engine, kind: EndpointKind | HandleKind, prefix: string, name: string): void {
	const other = engine.otherKind(kind, prefix, name);
	if (other === undefined) return;
	const about = JSON.stringify([prefix, name]);
	const where = other.pid === process.pid ? "this process" : `process ${other.pid}`;
	const isLock = kind === "mutex" || kind === "rwlock";
	const effect = isLock ? "They do not exclude each other." : "What is sent to one is not received from the other.";
	const what = describe(kind, prefix, name);
	const theirs = describe(other.kind, prefix, name);
	warnOnce(
		"IPC_NAME_OF_OTHER_KIND",
		about,
		`${what} was opened, and ${theirs} is open in ${where}. ${effect} Open the name as the same kind everywhere, or, if this is intended, give one of the two another name or prefix.`,
	);
}
