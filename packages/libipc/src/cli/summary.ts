import type { ListedName } from "libipc";
import { counted } from "./format.ts";

/** What the tables say of a name. */

/** Whether its content is known. */
export const isReadable = ({ state }: ListedName): boolean =>
	state === "live" || state === "leftover" || state === "kept";

export const hasRing = (name: ListedName): boolean =>
	(name.kind === "route" || name.kind === "channel" || name.kind === "queue") && isReadable(name);

/** Bytes that the slowest receiver has not read; of a queue, bytes that wait to be taken. Observers do not count: nobody waits for them. */
export function slowest({ kind, waiting, endpoints }: ListedName): number {
	if (kind === "queue") return waiting;
	return Math.max(0, ...endpoints.filter(({ observer }) => !observer).map(({ lag }) => lag));
}

export function stateText({ state }: ListedName): string {
	if (state === "other-version") return "other version";
	return state === "denied" ? "other user's" : state;
}

/** `1 sender, 2 receivers`; `3 handles, +1 dead`. */
export function endpointsText({ state, endpoints }: ListedName): string {
	if (state !== "live" && state !== "leftover") return "";
	const alive = endpoints.filter((each) => each.alive);
	const parts = (["sender", "receiver", "handle"] as const).flatMap((role) => {
		const count = alive.filter((each) => each.role === role && !each.observer).length;
		return count > 0 ? [counted(count, role)] : [];
	});
	const observers = alive.filter(({ observer }) => observer).length;
	if (observers > 0) parts.push(counted(observers, "observer"));
	const dead = endpoints.length - alive.length;
	if (dead > 0) parts.push(`+${dead} dead`);
	return parts.join(", ");
}
