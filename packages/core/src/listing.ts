import type { ListedName, ListOptions } from "@libipc/protocol";
import { checkOptionsObject, checkPrefix } from "./check/argument.ts";
import { checkOptionNames, optionNames } from "./check/option_names.ts";

/** Checks the options of `list` and `clear`. Returns the prefix; `undefined`: neither the options nor the environment have one, so all prefixes. */
export function checkListOptions(call: "list" | "clear", options: unknown): string | undefined {
	const given = checkOptionsObject<ListOptions>("", options as ListOptions | undefined, '{ prefix: "app" }');
	const prefix = checkPrefix(given?.prefix);
	checkOptionNames("", call, given, optionNames.list);
	return prefix;
}

/** Sorts by prefix, then name, then kind, by code units: the same order on every machine. */
export function compareListed(a: ListedName, b: ListedName): number {
	for (const key of ["prefix", "name", "kind", "path"] as const) if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
	return 0;
}
