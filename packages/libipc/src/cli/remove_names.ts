import {
	Channel,
	Condition,
	clear,
	IpcError,
	Latest,
	type ListedName,
	list,
	Mutex,
	Queue,
	Route,
	RwLock,
	Semaphore,
	SharedMemory,
	Signal,
} from "libipc";
import { stateText } from "./summary.ts";

/** Removes names, for `rm` and `clear`. */

const factories: Partial<Record<ListedName["kind"], { clear(name: string, options: { prefix: string }): void }>> = {
	...{ route: Route, channel: Channel, queue: Queue, mutex: Mutex, condition: Condition, semaphore: Semaphore },
	...{ rwlock: RwLock, memory: SharedMemory, signal: Signal, latest: Latest },
};

/** What became of a name. */
export interface Removal {
	readonly name: ListedName;
	/** Why it stays; `undefined`: it was removed. */
	readonly refusal?: string;
}

const MOST_SHOWN = 5;

const isSame = (a: ListedName, b: ListedName): boolean =>
	a.kind === b.kind && a.name === b.name && a.prefix === b.prefix && a.path === b.path;

/** What the library removes only if no process uses it; it decides that again under the lock of the name. */
export const isLeftover = ({ state }: ListedName): boolean =>
	state === "leftover" || state === "unfinished" || state === "other-version";

/** `process 12 has`, `processes 12, 13 have`. */
function users({ endpoints }: ListedName): string {
	const pids = [...new Set(endpoints.filter(({ alive }) => alive).map(({ pid }) => pid))];
	const more = pids.length - MOST_SHOWN;
	const shown = `${pids.slice(0, MOST_SHOWN).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
	return pids.length === 1 ? `process ${shown} has` : `processes ${shown} have`;
}

/** Removes a name in whatever state it is. Processes that have it open keep their memory, but no new ones meet them. */
function removeByName(name: ListedName): Removal {
	const factory = factories[name.kind];
	if (name.name === "" || factory === undefined)
		return { name, refusal: `it is not a name of libipc; \`rm ${name.path}\` removes the file` };
	try {
		factory.clear(name.name, { prefix: name.prefix });
		return { name };
	} catch (error) {
		if (error instanceof IpcError) return { name, refusal: `${error.message} (${error.code})` };
		throw error;
	}
}

function removeLeftover(name: ListedName): Removal {
	if (clear({ prefix: name.prefix, filter: (each) => isSame(each, name) }).length > 0) return { name };
	const now = list({ prefix: name.prefix }).find((each) => isSame(each, name));
	if (now === undefined) return { name };
	const refusal =
		now.state === "live"
			? `${users(now)} opened it now`
			: "a process has its file open or locked, or it belongs to another user";
	return { name: now, refusal };
}

/** Why a dry run expects a name to stay, as far as this can be known before. */
export const expectedRefusal = (name: ListedName, isForced: boolean): string | undefined => {
	if (name.state === "denied") return "it belongs to another user, and this user may not open it";
	return isForced ? undefined : refusalOf(name);
};

/** Why a name is refused without force. */
function refusalOf(name: ListedName): string | undefined {
	if (name.state !== "live") return undefined;
	return `${users(name)} it open; --force removes it all the same`;
}

/**
 * Removes a name.
 *
 * @param isForced - Also a name that is open.
 */
export function removeName(name: ListedName, isForced: boolean): Removal {
	if (isForced) return removeByName(name);
	const refusal = refusalOf(name);
	if (refusal !== undefined) return { name, refusal };
	return isLeftover(name) ? removeLeftover(name) : removeByName(name);
}

/** What a line of output says of a state, after the name. */
export const removedState = (name: ListedName): string => `was ${stateText(name)}`;
