import { Latest, type ListedName } from "libipc";
import { cannotOpen } from "./cannot_open.ts";
import { codecWithId } from "./content/codecs.ts";
import { notFound, usageError } from "./exit.ts";
import { printable } from "./format.ts";
import { selectNames, titleOf } from "./select_names.ts";

/**
 * The latest value with a name, as `list` describes it.
 *
 * @throws CommandFailure if there is none, or if it cannot be opened
 */
export function findLatest(name: string, prefix: string | undefined, call: string): ListedName {
	const found = selectNames({ names: [name], prefix, kind: undefined });
	const latest = found.filter(({ kind }) => kind === "latest");
	const [first, second] = latest;
	if (second) throw usageError(`"${printable(name)}" is ${latest.map(titleOf).join(" and ")}: say which with --prefix`);
	if (!first) throw usageError(`${call} is for latest values: ${found.map(titleOf).join(" and ")} is none`);
	if (first.state === "leftover") throw notFound(`${titleOf(first)} is not open: its processes were killed.`);
	if (first.state !== "live" && first.state !== "kept") throw cannotOpen(first);
	return first;
}

/** Opens a latest value as it is. The values are bytes. */
export const openLatest = ({ name, prefix, permissions, capacity, maxReceivers }: ListedName): Latest =>
	Latest.open(name, { prefix, permissions, maxLength: capacity, maxHandles: maxReceivers });

/** The codec of a latest value; `undefined`: it has none, or one that only its programs know. */
export const codecOfLatest = ({ codec }: ListedName) => codecWithId(codec);
