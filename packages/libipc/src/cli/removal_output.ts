import type { ListedName } from "libipc";
import { Exit, type ExitStatus } from "./exit.ts";
import { bytes, counted } from "./format.ts";
import type { Output } from "./output.ts";
import { expectedRefusal, type Removal, removedState } from "./remove_names.ts";
import { titleOf } from "./select_names.ts";

/**
 * Removes names one by one, and prints what became of each.
 *
 * @param isDry - Removes nothing; says what would be done.
 */
export function printRemovals(
	names: readonly ListedName[],
	remove: (name: ListedName) => Removal,
	isDry: boolean,
	isForced: boolean,
	output: Output,
): ExitStatus {
	const removals = names.map((name): Removal => {
		if (!isDry) return remove(name);
		const refusal = expectedRefusal(name, isForced);
		return refusal === undefined ? { name } : { name, refusal };
	});
	const removed = removals.filter(({ refusal }) => refusal === undefined).map(({ name }) => name);
	const refused = removals.flatMap(({ name, refusal }) => (refusal === undefined ? [] : [{ name, reason: refusal }]));
	if (output.isJson) output.value({ dryRun: isDry, removed, refused });
	else {
		for (const name of removed)
			output.line(`${isDry ? "would remove" : "removed"} ${titleOf(name)}, ${removedState(name)}`);
		for (const { name, reason } of refused) output.note(`${titleOf(name)} stays: ${reason}`);
		const freed = removed.reduce((sum, { byteLength }) => sum + byteLength, 0);
		if (removed.length > 0) output.line(`${counted(removed.length, "name")}, ${bytes(freed)}`);
	}
	return refused.length > 0 ? Exit.failed : Exit.fine;
}
