import type { ClearOptions, ListedName, ListOptions } from "@libipc/protocol";
import { checkOptionsObject, invalid, show } from "./check/argument.ts";
import { checkPrefix } from "./check/name.ts";
import { checkOptionNames, optionNames } from "./check/option_names.ts";
import { warnOnce } from "./warn_once.ts";

/** Checks the options of `list`. Returns the prefix; `undefined`: neither the options nor the environment have one, so all prefixes. */
export function checkListOptions(options: unknown): string | undefined {
	const given = checkOptionsObject<ListOptions>("", options as ListOptions | undefined, '{ prefix: "app" }');
	const prefix = checkPrefix(given?.prefix);
	checkOptionNames("", "list", given, optionNames.list);
	return prefix;
}

/** What to clear. */
interface Clearing {
	/** `undefined`: all prefixes. */
	readonly prefix: string | undefined;
	/** All prefixes, and nothing has said so. */
	readonly isUnasked: boolean;
	/** Which of them. */
	readonly filter: ((name: ListedName) => boolean) | undefined;
}

/** Checks the options of `clear`. */
export function checkClearOptions(options: unknown): Clearing {
	const given = checkOptionsObject<ClearOptions>("", options as ClearOptions | undefined, '{ prefix: "app" }');
	const all: unknown = given?.all;
	if (all !== undefined && typeof all !== "boolean") throw invalid("", `all must be true or false, not ${show(all)}.`);
	const asked: unknown = given?.prefix;
	if (all === true && asked !== undefined)
		throw invalid("", `clear takes a prefix, or all: true for the names of all prefixes, but not both.`);
	const prefix = all === true ? undefined : checkPrefix(asked);
	const filter: unknown = given?.filter;
	if (filter !== undefined && typeof filter !== "function")
		throw invalid("", `filter must be a function that gets a name and returns true or false, not ${show(filter)}.`);
	checkOptionNames("", "clear", given, optionNames.clearLeftovers);
	return { prefix, isUnasked: prefix === undefined && all !== true, filter: given?.filter };
}

const MOST_SHOWN = 5;

/** Warns, once in each thread, that `clear()` has removed files of programs that it knows nothing about. */
export function warnOfOthers(removed: readonly ListedName[]): void {
	// The engine between threads has only names of this process.
	const files = removed.filter(({ path }) => path !== "");
	if (files.length === 0) return;
	const shown = files
		.slice(0, MOST_SHOWN)
		.map(({ kind, prefix, name }) => `${kind} ${JSON.stringify(name)} (prefix ${JSON.stringify(prefix)})`);
	const more = files.length > MOST_SHOWN ? ` and ${files.length - MOST_SHOWN} more` : "";
	warnOnce(
		"IPC_CLEARED_ALL",
		"",
		`clear() without a prefix removed what killed processes of all programs left: ${shown.join(", ")}${more}. To remove only what one program left, pass its prefix or set LIBIPC_PREFIX. If all is intended, pass { all: true }.`,
	);
}

/** Sorts by prefix, then name, then kind, by code units: the same order on every machine. */
export function compareListed(a: ListedName, b: ListedName): number {
	for (const key of ["prefix", "name", "kind", "path"] as const) if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
	return 0;
}
