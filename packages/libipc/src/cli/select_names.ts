import { type ListedName, list } from "libipc";
import { notFound } from "./exit.ts";
import { wordOption } from "./flags.ts";
import { printable } from "./format.ts";

/** All kinds of names. */
export const kinds = [
	...([
		"route",
		"channel",
		"queue",
		"mutex",
		"condition",
		"semaphore",
		"rwlock",
		"memory",
		"signal",
		"latest",
	] as const),
] as const satisfies readonly ListedName["kind"][];

/** The flag of commands that take names: one name may exist as several kinds. */
export const kindFlag = wordOption("KIND", kinds, {
	description: `Only names of this kind: ${kinds.join(", ")}`,
	short: "k",
});

/** Which names a command is about. */
export interface Selection {
	/** Names, or patterns with `*` (any letters) and `?` (one letter). None: all names. */
	readonly names: readonly string[];
	readonly prefix: string | undefined;
	readonly kind: string | undefined;
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** Whether a name matches a pattern. A pattern without `*` and `?` is the name itself. */
export function matches(pattern: string, name: string): boolean {
	if (pattern === name) return true;
	if (!/[*?]/.test(pattern)) return false;
	const source = pattern
		.split(/([*?])/)
		.map((part) => (part === "*" ? ".*" : part === "?" ? "." : escaped(part)))
		.join("");
	return new RegExp(`^${source}$`, "su").test(name);
}

/** What to call a name in a message: `channel "log" (prefix "shop")`. */
export function titleOf({ kind, name, prefix, path }: ListedName): string {
	if (name === "") return `the file ${printable(path)}`;
	return `${kind} "${printable(name)}"${prefix === "" ? "" : ` (prefix "${printable(prefix)}")`}`;
}

/**
 * The names of a selection, as `list` describes them.
 *
 * @throws CommandFailure with `Exit.notFound` if one of `names` matches no name
 */
export function selectNames({ names, prefix, kind }: Selection): ListedName[] {
	const all = list({ prefix }).filter((each) => kind === undefined || each.kind === kind);
	if (names.length === 0) return all;
	for (const pattern of names)
		if (!all.some(({ name }) => matches(pattern, name))) {
			const which = [
				kind ?? "name",
				`"${printable(pattern)}"`,
				prefix === undefined ? "" : `with the prefix "${prefix}"`,
			];
			throw notFound(`There is no ${which.join(" ").trimEnd()}. \`libipc ls\` shows all names.`);
		}
	return all.filter(({ name }) => names.some((pattern) => matches(pattern, name)));
}
