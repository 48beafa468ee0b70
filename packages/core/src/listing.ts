import type { ListedName, ListOptions } from "@libipc/protocol";
import { checkOptionsObject, checkPrefix } from "./check/argument.ts";

/** Checks the options of `list` and `clear`. Returns the prefix; `undefined`: neither the options nor the environment have one, so all prefixes. */
export function checkListOptions(options: unknown): string | undefined {
	const prefix: unknown = checkOptionsObject<ListOptions>(
		"",
		options as ListOptions | undefined,
		'{ prefix: "app" }',
	)?.prefix;
	return checkPrefix(prefix);
}

/** Sorts by prefix, then name, then kind, by code units: the same order on every machine. */
export function compareListed(a: ListedName, b: ListedName): number {
	for (const key of ["prefix", "name", "kind", "path"] as const) if (a[key] !== b[key]) return a[key] < b[key] ? -1 : 1;
	return 0;
}
